import type { Role, TrainedOn } from './evaluate.js';
import { againstFirst, type Figure, ratioOf } from './first-ahead.js';
import { RESAMPLES } from './intervals.js';
import { grouped, type ReportTable, sizeOf } from './table.js';

/** What a language model finds unlikely of a row's tokens that it is to tell. */
export interface ToldText {
  /** Sum of −log p, in nats, the end of the text in it. */
  readonly loss: number;
  readonly tokens: number;
  /** UTF-8 bytes that these tokens are. */
  readonly bytes: number;
}

/** A model that told the texts of every row. */
export interface LanguageTeller {
  /** The step that produced it. */
  readonly name: string;
  readonly role: Role;
  /** Its family. */
  readonly type: string;
  /** Trainable numbers; of an n-gram model its n-grams. */
  readonly parameters: number;
  /** Of its weights; null where it has no file. */
  readonly bytes: number | null;
  readonly trainedOn: TrainedOn | undefined;
  readonly told: readonly ToldText[];
}

export interface LanguageTellerReport {
  readonly name: string;
  readonly role: Role;
  readonly type: string;
  readonly parameters: number;
  readonly bytes: number | null;
  readonly trained_on: TrainedOn | null;
  readonly bits_per_byte: Figure;
  /** Mean −log p of the tokens, in nats. */
  readonly loss: number;
  /** Exponential of the loss. */
  readonly perplexity: number;
  readonly tokens: number;
  readonly text_bytes: number;
  /** Bits per byte of the first student, or where there is none of the first model, minus these; null for itself. */
  readonly first_ahead: Figure | null;
}

/** `report.json`: figures only, and nothing that differs from run to run. */
export interface LanguageReport {
  readonly title: string;
  readonly test: { readonly rows: number };
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  readonly models: readonly LanguageTellerReport[];
}

/** The first student, or where there is none the first model. */
const firstOf = (models: readonly { readonly role: Role }[]): number =>
  Math.max(
    0,
    models.findIndex(({ role }) => role === 'student'),
  );

/** Works out every figure; all intervals are of the same resamples of the rows. */
export function languageReport(title: string, models: readonly LanguageTeller[], seed: number): LanguageReport {
  const rows = models[0]?.told.length ?? 0;
  const bits = models.map(({ told }) =>
    ratioOf(told.map(({ loss, bytes }) => ({ over: loss / Math.LN2, under: bytes }))),
  );
  const compared = againstFirst(rows, bits, firstOf(models), seed);
  return {
    title,
    test: { rows },
    bootstrap: { resamples: RESAMPLES, seed },
    models: models.map((model, i): LanguageTellerReport => {
      const sum = (of: keyof ToldText): number => model.told.reduce((total, told) => total + told[of], 0);
      const loss = sum('loss') / sum('tokens');
      return {
        name: model.name,
        role: model.role,
        type: model.type,
        parameters: model.parameters,
        bytes: model.bytes,
        trained_on: model.trainedOn ?? null,
        bits_per_byte: compared[i]?.figure as Figure,
        loss,
        perplexity: Math.exp(loss),
        tokens: sum('tokens'),
        text_bytes: sum('bytes'),
        first_ahead: compared[i]?.ahead ?? null,
      };
    }),
  };
}

/** The report as one table, with what one must know to read it below. */
export function languageTable({ title, test, bootstrap: { resamples }, models }: LanguageReport): ReportTable {
  const columns: [label: string, cell: (model: LanguageTellerReport) => string][] = [
    ['bits per byte [95 %]', ({ bits_per_byte: bits }) => interval(bits)],
    [`${models[firstOf(models)]?.name} minus it [95 %]`, ({ first_ahead: ahead }) => (ahead ? interval(ahead) : '')],
    ['loss', ({ loss }) => loss.toFixed(3)],
    ['perplexity', ({ perplexity }) => perplexity.toFixed(perplexity < 100 ? 2 : 0)],
    ['parameters', ({ parameters }) => grouped(parameters)],
    ['bytes', ({ bytes }) => (bytes === null ? '–' : sizeOf(bytes))],
  ];
  return {
    title,
    columns: [{ label: 'model', align: 'left' }, ...columns.map(([label]) => ({ label, align: 'right' as const }))],
    rows: models.map((model) => [nameOf(model), ...columns.map(([, cell]) => cell(model))]),
    notes: [
      `${grouped(test.rows)} test rows, ${readBy(models)}.`,
      ...models.flatMap(({ name, trained_on: on }) => (on ? [`${name}: trained on ${grouped(on.rows)} rows.`] : [])),
      'Bits per byte: −log₂ p of all tokens, the ends of texts among them, over the bytes of the texts. Loss is its mean over tokens, in nats; it and perplexity compare models of one tokenizer only.',
      `Intervals: 95 %, paired bootstrap over test rows, ${grouped(resamples)} resamples.`,
    ],
  };
}

/** How much is told; of each model where they do not read the same. */
function readBy(models: readonly LanguageTellerReport[]): string {
  const read = models.map(({ tokens, text_bytes: bytes }) => `${grouped(tokens)} tokens, ${grouped(bytes)} bytes`);
  if (new Set(read).size === 1) return read[0] as string;
  return models.map(({ name }, i) => `${name} ${read[i]}`).join('; ');
}

const nameOf = ({ name, role }: LanguageTellerReport): string =>
  role === 'student' || name.toLowerCase().includes(role) ? name : `${name} (${role})`;

const interval = ({ value, interval: found }: Figure): string => {
  const [middle, low, high] = [value, found?.low, found?.high].map((x) => (x == null ? '–' : x.toFixed(3)));
  return `${middle} [${low}, ${high}]`;
};
