import type { Report } from '../../report/evaluate.js';
import type { ResponsesReport } from '../../report/responses.js';
import { EXACT, SHORT } from '../folder.js';
import { MAY_LOSE } from '../short.js';
import type { Facts } from './facts.js';
import { code, grouped, list, plain, section, table } from './markdown.js';

/** `report.json` of an evaluation; `undefined` where the card is given none. */
export type Metrics = Report | ResponsesReport;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const figure = (x: number | null): string => (x === null ? '–' : x.toFixed(4));

const judgesLabels = (metrics: Metrics): metrics is Report => 'labels' in metrics;

/** How good the model is, beside what it was compared with. @param model the step that made it */
export function resultsSection(metrics: Metrics | undefined, model: string): string {
  if (metrics === undefined) return section('Metrics', 'The recipe handed over no evaluation.');
  const mark = (name: string, role: string): string =>
    name === model ? `**${code(name)}**` : `${code(name)} (${role})`;
  const right = [1, 2, 3, 4, 5];
  if (judgesLabels(metrics)) {
    const rows = metrics.models.map((each) => [
      mark(each.name, each.role),
      `${figure(each.accuracy)} [${figure(each.accuracy_interval.low)}, ${figure(each.accuracy_interval.high)}]`,
      figure(each.macro_f1),
      each.retention?.macro_f1.value == null ? '–' : percent(each.retention.macro_f1.value),
      each.parameters === null ? '–' : grouped(each.parameters),
      grouped(each.errors),
    ]);
    return section(
      'Metrics',
      `${plain(metrics.title)}, on ${grouped(metrics.test.rows)} rows that were not trained on.`,
      table(['model', 'accuracy [95 %]', 'macro-F1', 'retention', 'parameters', 'errors'], rows, right),
      'Retention is macro-F1 as a share of the teacher’s, on the same rows.',
      labelsOf(metrics, model),
      expectationsOf(metrics),
    );
  }
  const rows = metrics.models.map((each) => [
    mark(each.name, each.role),
    each.rouge_l.interval === null
      ? figure(each.rouge_l.value)
      : `${figure(each.rouge_l.value)} [${figure(each.rouge_l.interval.low)}, ${figure(each.rouge_l.interval.high)}]`,
    percent(each.exact_match),
    each.perplexity === null ? '–' : each.perplexity.toFixed(2),
    each.parameters === null ? '–' : grouped(each.parameters),
  ]);
  return section(
    'Metrics',
    `${plain(metrics.title)}, on ${grouped(metrics.test.rows)} rows that were not trained on.`,
    table(['model', 'Rouge-L [95 %]', 'exact match', 'perplexity', 'parameters'], rows, right),
  );
}

function labelsOf(report: Report, model: string): string | undefined {
  const own = report.models.find(({ name }) => name === model);
  if (own === undefined) return undefined;
  const rows = own.per_label.map(({ label, precision, recall, f1, support }) => [
    code(label),
    figure(precision),
    figure(recall),
    figure(f1),
    grouped(support),
  ]);
  return table(['label', 'precision', 'recall', 'F1', 'rows'], rows, [1, 2, 3, 4]);
}

function expectationsOf({ expectations }: Report): string | undefined {
  if (expectations.length === 0) return undefined;
  const words = expectations.map(
    ({ figure: name, expected, value, met }) => `${name} ${expected}: ${figure(value)}, ${met ? 'met' : 'missed'}`,
  );
  return `The recipe expected: ${words.map(plain).join('; ')}.`;
}

/** What was found out about the files when they had been written. */
export function checksSection({ exactness, short, files }: Facts): string {
  const { rows, difference, transformers } = exactness;
  const lines = [
    `${code(EXACT)} in ONNX Runtime: logits of ${rows} rows at most ${difference.toExponential(1)} from the model’s.`,
  ];
  if (transformers.state === 'found') {
    const { version, otherTokens, cut, alike } = transformers;
    lines.push(
      `The folder in transformers.js ${version}: logits at most ${transformers.difference.toExponential(1)} from the model’s${
        alike.asked > 0 ? `; the same answer to ${alike.same} of ${alike.asked} texts` : ''
      }.`,
    );
    if (cut.rows > 0) {
      const answers = cut.asked > 0 ? ` (the same answer to ${cut.same} of them)` : '';
      lines.push(
        `${cut.rows} of the ${rows} texts are longer than the model reads: transformers.js drops the last special token with their end${answers}, Python’s transformers keeps it.`,
      );
    }
    if (otherTokens > 0) lines.push(`transformers.js reads ${otherTokens} of the ${rows} texts as other tokens.`);
  } else {
    lines.push(
      transformers.state === 'absent'
        ? 'transformers.js was not installed where this was made, so it was checked with ONNX Runtime alone.'
        : `transformers.js ${plain(transformers.message)}; checked with ONNX Runtime alone.`,
    );
  }
  if (short !== undefined) lines.push(shortLine(short));
  const sizes = Object.entries(files).map(([path, bytes]) => [code(path), grouped(bytes)]);
  return section('Checks', list(lines), table(['file', 'bytes'], sizes, [1]));
}

function shortLine({ found, kept }: NonNullable<Facts['short']>): string {
  const { metric, exact, short, rows } = found;
  const figures =
    metric === 'accuracy'
      ? `accuracy ${figure(short)}, in float32 ${figure(exact)}, on ${grouped(rows)} rows with labels`
      : `${metric === 'cosine' ? 'mean cosine to the embeddings in float32' : `the ${metric} as in float32`} ${figure(short)}, on ${grouped(rows)} rows`;
  return kept
    ? `${code(SHORT)} (8-bit integers, scales of what is multiplied worked out in each run): ${figures}.`
    : `A graph in 8-bit integers is left out: ${figures}; at most ${percent(MAY_LOSE)} may be lost.`;
}
