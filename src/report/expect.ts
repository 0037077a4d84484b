/** Comparisons by figure: `{macro_f1: '>= 0.9'}`. */
type Comparisons = Readonly<Record<string, string>>;

/** What a recipe expects of the first student, and of the teacher. */
export type Expect = Readonly<Record<string, string | Comparisons | undefined>> & { readonly teacher?: Comparisons };

/** One comparison that a recipe makes. */
export interface Wanted {
  readonly of: 'student' | 'teacher';
  readonly figure: string;
  readonly comparison: string;
}

export interface Expectation {
  /** `macro_f1` of the student, `teacher.macro_f1` of the teacher. */
  readonly figure: string;
  readonly expected: string;
  /** Null where the figure has no value: a ratio to a teacher that gets nothing right. */
  readonly value: number | null;
  readonly met: boolean;
}

/** Figures of one model by name. */
export type Figures = Readonly<Record<string, number | null>>;

/** Differ from run to run, so no report has them. */
const MEASURED: ReadonlySet<string> = new Set([
  'p50_ms',
  'p95_ms',
  'batch32_p50_ms',
  'batch32_p95_ms',
  'texts_per_second',
  'memory_mb',
  'usd_per_million',
  'price_ratio',
]);

/** Whether a figure is a measured one. */
export const isMeasured = ({ figure }: Pick<Wanted, 'figure'>): boolean => MEASURED.has(figure);

/** All comparisons, the student's first. */
export function wantedOf({ teacher = {}, ...student }: Expect): Wanted[] {
  const of = (whose: Wanted['of'], comparisons: Expect): Wanted[] =>
    Object.entries(comparisons).map(([figure, comparison]) => ({ of: whose, figure, comparison: String(comparison) }));
  return [...of('student', student), ...of('teacher', teacher)];
}

/** Holds figures against what was wanted of them; one that a model does not have is not met. */
export function judge(
  wanted: readonly Wanted[],
  figures: { readonly student: Figures; readonly teacher: Figures },
): Expectation[] {
  return wanted.map(({ of, figure, comparison }) => {
    const value = figures[of][figure] ?? null;
    const met = value !== null && holds(value, comparison);
    return { figure: of === 'student' ? figure : `teacher.${figure}`, expected: comparison, value, met };
  });
}

/** JSON pointer of an expectation in a step's options. */
export const pointerOf = ({ figure }: Pick<Expectation, 'figure'>): string => `/expect/${figure.replace('.', '/')}`;

/** Whether `0.98` is `>= 0.97`; the schema has checked the comparison's form. */
export function holds(value: number, comparison: string): boolean {
  const [, operator, limit] = /^(>=|<=|>|<) *(.+)$/.exec(comparison) ?? [];
  const bound = Number(limit);
  switch (operator) {
    case '>=':
      return value >= bound;
    case '<=':
      return value <= bound;
    case '>':
      return value > bound;
    case '<':
      return value < bound;
    default:
      throw new RangeError(`not a comparison: ${comparison}`);
  }
}
