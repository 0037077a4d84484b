import type { Role, TrainedOn } from './evaluate.js';
import { bootstrap, RESAMPLES } from './intervals.js';
import type { Figure } from './responses.js';
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

const firstOf = <T extends { readonly role: Role }>(models: readonly T[]): T | undefined =>
  models.find(({ role }) => role === 'student') ?? models[0];

/** Works out every figure; all intervals are of the same resamples of the rows. */
export function languageReport(title: string, models: readonly LanguageTeller[], seed: number): LanguageReport {
  const rows = models[0]?.told.length ?? 0;
  const first = firstOf(models);
  const bits = ({ told }: LanguageTeller, sample: Int32Array): number => {
    let [loss, bytes] = [0, 0];
    for (const row of sample) {
      loss += told[row]?.loss ?? 0;
      bytes += told[row]?.bytes ?? 0;
    }
    return loss / Math.LN2 / bytes;
  };
  const statistics = models.flatMap((model) => [
    (sample: Int32Array) => bits(model, sample),
    (sample: Int32Array) => bits(first ?? model, sample) - bits(model, sample),
  ]);
  const intervals = bootstrap(rows, statistics, seed);
  const all = Int32Array.from({ length: rows }, (_, i) => i);
  const figure = (i: number): Figure => ({
    value: (statistics[i] as (typeof statistics)[number])(all),
    interval: intervals[i] ?? null,
  });
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
        bits_per_byte: figure(2 * i),
        loss,
        perplexity: Math.exp(loss),
        tokens: sum('tokens'),
        text_bytes: sum('bytes'),
        first_ahead: model === first ? null : figure(2 * i + 1),
      };
    }),
  };
}

/** The report as one table, with what one must know to read it below. */
export function languageTable({ title, test, bootstrap: { resamples }, models }: LanguageReport): ReportTable {
  const columns: [label: string, cell: (model: LanguageTellerReport) => string][] = [
    ['bits per byte [95 %]', ({ bits_per_byte: bits }) => interval(bits)],
    [`${firstOf(models)?.name} minus it [95 %]`, ({ first_ahead: ahead }) => (ahead ? interval(ahead) : '')],
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
