import type { Role, TrainedOn } from './evaluate.js';
import { againstFirst, type Figure, ratioOf } from './first-ahead.js';
import { RESAMPLES } from './intervals.js';
import { grouped, type ReportTable, sizeOf } from './table.js';

/** A model that told hidden tokens of every row. */
export interface MaskedTeller {
  /** The step that produced it. */
  readonly name: string;
  readonly role: Role;
  readonly type: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly trainedOn: TrainedOn | undefined;
  /** Of each row the sum of −log p of its hidden tokens, in nats, and how many they are. */
  readonly told: readonly { readonly loss: number; readonly tokens: number }[];
  /** What its tokens are: models of which this differs do not tell the same. */
  readonly reads: string;
}

export interface MaskedTellerReport {
  readonly name: string;
  readonly role: Role;
  readonly type: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly trained_on: TrainedOn | null;
  /** Mean −log p of the hidden tokens, in nats. */
  readonly loss: Figure;
  /** Exponential of the loss. */
  readonly perplexity: number;
  /** Hidden tokens. */
  readonly tokens: number;
  /** Loss of the first student minus this; null for the first student itself, and where other tokens are hidden. */
  readonly first_student_ahead: Figure | null;
}

/** `report.json`: figures only, and nothing that differs from run to run. */
export interface MaskedReport {
  readonly title: string;
  readonly test: { readonly rows: number };
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  readonly models: readonly MaskedTellerReport[];
}

/** Works out every figure; all intervals are of the same resamples of the rows. */
export function maskedReport(title: string, models: readonly MaskedTeller[], seed: number): MaskedReport {
  const rows = models[0]?.told.length ?? 0;
  const first = Math.max(
    0,
    models.findIndex(({ role }) => role === 'student'),
  );
  const losses = models.map(({ told }) => ratioOf(told.map(({ loss, tokens }) => ({ over: loss, under: tokens }))));
  const compared = againstFirst(rows, losses, first, seed);
  return {
    title,
    test: { rows },
    bootstrap: { resamples: RESAMPLES, seed },
    models: models.map((model, i) => {
      const { figure: loss, ahead } = compared[i] as (typeof compared)[number];
      return {
        name: model.name,
        role: model.role,
        type: model.type,
        parameters: model.parameters,
        bytes: model.bytes,
        trained_on: model.trainedOn ?? null,
        loss,
        perplexity: Math.exp(loss.value),
        tokens: model.told.reduce((sum, { tokens }) => sum + tokens, 0),
        first_student_ahead: model.reads === models[first]?.reads ? ahead : null,
      };
    }),
  };
}

/** The report as one table, with what one must know to read it below. */
export function maskedTable({ title, test, bootstrap: { resamples }, models }: MaskedReport): ReportTable {
  const first = models.find(({ role }) => role === 'student') ?? models[0];
  const columns: [label: string, cell: (model: MaskedTellerReport) => string][] = [
    ['loss [95 %]', ({ loss }) => interval(loss)],
    ['perplexity', ({ perplexity }) => perplexity.toFixed(perplexity < 100 ? 2 : 0)],
    [`${first?.name} minus it [95 %]`, ({ first_student_ahead: ahead }) => (ahead ? interval(ahead) : '')],
    ['parameters', ({ parameters }) => grouped(parameters)],
    ['bytes', ({ bytes }) => sizeOf(bytes)],
  ];
  return {
    title,
    columns: [{ label: 'model', align: 'left' }, ...columns.map(([label]) => ({ label, align: 'right' as const }))],
    rows: models.map((model) => [nameOf(model), ...columns.map(([, cell]) => cell(model))]),
    notes: [
      `${grouped(test.rows)} test rows, the same hidden tokens for all models of one tokenizer and length: ${models.map(({ name, tokens }) => `${name} ${grouped(tokens)}`).join(', ')}.`,
      ...models.flatMap(({ name, trained_on: on }) => (on ? [`${name}: trained on ${grouped(on.rows)} rows.`] : [])),
      'Loss is the mean of −log p of the hidden tokens, in nats; it and perplexity compare models that read the same tokens.',
      `Intervals: 95 %, paired bootstrap over test rows, ${grouped(resamples)} resamples.`,
    ],
  };
}

const nameOf = ({ name, role }: MaskedTellerReport): string =>
  role === 'student' || name.toLowerCase().includes(role) ? name : `${name} (${role})`;

const interval = ({ value, interval: found }: Figure): string => {
  const [middle, low, high] = [value, found?.low, found?.high].map((x) => (x == null ? '–' : x.toFixed(3)));
  return `${middle} [${low}, ${high}]`;
};
