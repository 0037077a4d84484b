import { type BatchTiming, dollars, type Timing } from '../../report/cost.js';
import { milliseconds } from '../../report/table.js';
import { formatBytes } from '../../util/bytes.js';
import { code, grouped, section, table } from './markdown.js';

/** The output `timing` of an evaluation. */
export interface Measured {
  readonly threads: number;
  readonly models: readonly MeasuredModel[];
}

/** What is measured of a model, as far as it was asked for. */
interface MeasuredModel extends Partial<Timing> {
  readonly name: string;
  readonly batch?: BatchTiming;
  /** Bytes. */
  readonly memory?: number;
  /** US dollars. */
  readonly usd_per_million?: number;
  /** Of a model that writes: how many tokens in how many seconds. */
  readonly tokens?: number;
  readonly seconds?: number;
}

const COLUMNS: readonly (readonly [label: string, value: (model: MeasuredModel) => string | undefined])[] = [
  ['ms a text', (model) => given(model.median_ms, milliseconds)],
  ['ms, 95th percentile', (model) => given(model.p95_ms, milliseconds)],
  ['texts a second', ({ batch }) => given(batch?.texts_per_second, rounded)],
  ['tokens a second', ({ tokens, seconds }) => (tokens && seconds ? rounded(tokens / seconds) : undefined)],
  ['memory', ({ memory }) => given(memory, formatBytes)],
  ['$ a million texts', (model) => given(model.usd_per_million, dollars)],
];

/** How long an answer takes and what it costs, beside the others'. @param model the step that made it */
export function costSection(measured: Measured | undefined, model: string): string | undefined {
  if (measured === undefined) return undefined;
  const { threads, models } = measured;
  const columns = COLUMNS.filter(([, value]) => models.some((each) => value(each) !== undefined));
  if (columns.length === 0) return undefined;
  const heads = columns.map(([label]) => label);
  const size = models.find(({ batch }) => batch)?.batch?.size;
  const notes = [
    `Measured on the machine that made this, on ${threads} ${threads === 1 ? 'thread' : 'threads'}, of the models as ${code('recipe')} computes them.`,
    heads.includes('ms a text') ? 'Milliseconds are of texts one by one.' : undefined,
    size === undefined ? undefined : `Texts a second are of batches of ${size}.`,
    heads.includes('$ a million texts')
      ? 'Dollars are of texts one by one, at what the recipe takes an hour of that machine to cost; of a teacher behind an API, as it was billed.'
      : undefined,
  ];
  return section(
    'Cost',
    table(
      ['model', ...heads],
      models.map((each) => [
        each.name === model ? `**${code(each.name)}**` : code(each.name),
        ...columns.map(([, value]) => value(each) ?? '–'),
      ]),
      heads.map((_, i) => i + 1),
    ),
    notes.filter((note) => note !== undefined).join(' '),
  );
}

const rounded = (x: number): string => grouped(Math.round(x));
const given = (x: number | undefined, show: (x: number) => string): string | undefined =>
  x === undefined ? undefined : show(x);
