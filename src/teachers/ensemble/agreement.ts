import { confusionOf, qualityOf } from '../../report/metrics.js';

/** The label that each teacher gave to each row; −1 where it has said nothing. */
export type Choices = readonly Int32Array[];

/** How two teachers agree on the rows that both have answered. */
export interface Agreement {
  readonly teachers: readonly [string, string];
  readonly rows: number;
  readonly same: number;
  /** Cohen's kappa (1960): agreement beyond that of two who guess with these teachers' frequencies. */
  readonly kappa: number;
  /** Of each label, 2·both / (first + second): how often one says it where the other does. */
  readonly per_label: Readonly<Record<string, number>>;
}

/** What a teacher gets right where labels are known. */
export interface Score {
  readonly teacher: string;
  readonly answered: number;
  readonly labelled: number;
  readonly accuracy: number | null;
  readonly macro_f1: number | null;
  /** Labelled rows on which it alone is right, and alone wrong, among those that all have answered. */
  readonly only_right: number;
  readonly only_wrong: number;
}

export function agreementOf(
  names: readonly [string, string],
  a: Int32Array,
  b: Int32Array,
  labels: readonly string[],
): Agreement {
  const both = [...a.keys()].filter((row) => (a[row] as number) >= 0 && (b[row] as number) >= 0);
  const n = labels.length;
  const counts = { first: new Float64Array(n), second: new Float64Array(n), both: new Float64Array(n) };
  for (const row of both) {
    const [x, y] = [a[row] as number, b[row] as number];
    counts.first[x] = (counts.first[x] as number) + 1;
    counts.second[y] = (counts.second[y] as number) + 1;
    if (x === y) counts.both[x] = (counts.both[x] as number) + 1;
  }
  const same = counts.both.reduce((sum, count) => sum + count, 0);
  const rows = both.length;
  const chance =
    counts.first.reduce((sum, count, k) => sum + count * (counts.second[k] as number), 0) / Math.max(1, rows) ** 2;
  const observed = same / Math.max(1, rows);
  return {
    teachers: names,
    rows,
    same,
    kappa: chance === 1 ? 1 : (observed - chance) / (1 - chance),
    per_label: Object.fromEntries(
      labels.map((label, k) => {
        const all = (counts.first[k] as number) + (counts.second[k] as number);
        return [label, all === 0 ? 1 : (2 * (counts.both[k] as number)) / all];
      }),
    ),
  };
}

/** @param truth index of each row's label; −1 where it is not known */
export function scoresOf(
  names: readonly string[],
  choices: Choices,
  truth: Int32Array,
  labels: readonly string[],
): Score[] {
  const rows = [...truth.keys()];
  const known = rows.filter((row) => (truth[row] as number) >= 0);
  const complete = known.filter((row) => choices.every((choice) => (choice[row] as number) >= 0));
  return choices.map((choice, i): Score => {
    const own = known.filter((row) => (choice[row] as number) >= 0);
    const pick = (from: Int32Array) => Int32Array.from(own, (row) => from[row] as number);
    const quality =
      own.length === 0 ? undefined : qualityOf(confusionOf(pick(truth), pick(choice), labels.length), labels);
    const right = (of: Int32Array, row: number): boolean => of[row] === truth[row];
    const alone = (is: boolean): number =>
      complete.filter(
        (row) => right(choice, row) === is && choices.every((other, j) => j === i || right(other, row) !== is),
      ).length;
    return {
      teacher: names[i] as string,
      answered: rows.filter((row) => (choice[row] as number) >= 0).length,
      labelled: own.length,
      accuracy: quality?.accuracy ?? null,
      macro_f1: quality?.macroF1 ?? null,
      only_right: alone(true),
      only_wrong: alone(false),
    };
  });
}
