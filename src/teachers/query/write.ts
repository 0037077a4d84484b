import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, readDatasetInfo, streamRows, writeDataset } from '../../data/dataset.js';
import { writeClassLogits } from '../../data/logits.js';
import type { StepContext } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import { StepFailure } from '../../util/failure.js';
import type { Answers } from './answers.js';
import {
  atTemperature,
  type Calibrated,
  type Calibration,
  calibrate,
  FEWEST_ROWS,
  MOST_ROWS,
  Thinned,
} from './calibrate.js';
import { RequestFailure } from './failure.js';
import type { Finding, Outcome } from './inquiry.js';
import { keyOf } from './key.js';
import { outputsOf } from './policy.js';
import { costOf } from './price.js';
import type { Usage } from './reply.js';
import type { Unanswered } from './round.js';
import type { Asked } from './settings.js';

/** Writes what was answered, in the order of the rows, from the stored answers alone. */
export async function writeAnswers(
  ctx: StepContext<QueryTeacherOptions>,
  asked: Asked,
  answers: Answers,
  unanswered: Unanswered,
): Promise<{ readonly rows: number; readonly usd: number }> {
  const data = ctx.input('data').path;
  const reader = new Reader(asked, answers, unanswered);
  const calibrated = await calibration(ctx, asked, reader);
  const counts = new Counts(asked.labels);
  const quarantine = await open(join(await ctx.output('quarantine'), 'rows.jsonl'), 'w');
  const folder = await ctx.output('data');
  try {
    async function* rows(): AsyncGenerator<Row> {
      for await (const row of streamRows(data)) {
        ctx.signal.throwIfAborted();
        const outcome = await reader.priced(row);
        counts.add(row, outcome);
        if ('invalid' in outcome || outcome.row === undefined) {
          const [reason, said] =
            'invalid' in outcome ? [outcome.invalid, outcome.said] : ['nothing was good enough', ''];
          await quarantine.write(`${JSON.stringify({ id: row.id, text: row.text, reason, answer: said })}\n`);
        } else yield outcome.row;
      }
    }
    // A task that asks for no labels leaves those that rows have.
    const labels = asked.labels.length > 0 ? asked.labels : (await readDatasetInfo(data)).labels;
    await writeDataset(folder, labels, rows(), asked.labels.length > 0 ? asked.revision : undefined);
  } finally {
    await quarantine.close();
  }
  if (outputsOf(ctx.options).includes('logits')) {
    const teacher = { name: ctx.options.teacher.model, revision: asked.revision };
    const temperature = calibrated?.temperature ?? 1;
    await writeClassLogits(
      await ctx.output('logits'),
      { labels: asked.labels, teacher },
      softLabels(data, reader, temperature),
    );
  }
  ctx.show(counts.table(ctx.options.teacher.model, calibrated));
  counts.warn(ctx);
  return { rows: counts.rows, usd: reader.nanousd / 1e9 };
}

/** Looks every answer up and asks nobody. */
class Reader {
  /** What the answers of `priced` rows have cost, whenever they were paid for. */
  nanousd = 0;

  constructor(
    private readonly asked: Asked,
    private readonly answers: Answers,
    private readonly unanswered: Unanswered,
  ) {}

  priced(row: Row): Promise<Outcome> {
    return this.find(row, (usage) => {
      this.nanousd += costOf(usage, this.asked.price).nanousd;
    });
  }

  find(row: Row, used?: (usage: Usage) => void): Promise<Outcome> {
    return this.asked.inquiry.find(row, async ({ question }) => {
      const reply = this.answers.get(keyOf(question));
      if (reply !== undefined) {
        used?.(reply.usage);
        return reply;
      }
      const why = this.unanswered.get(row.id);
      if (why !== undefined) throw new RequestFailure('row', why);
      // Whoever asks the same at the same time may have kept another answer, which leads to another question.
      throw new StepFailure('not-kept', `the answer to row ${row.id} is not the one that was kept`, 'Run it again.');
    });
  }
}

async function* softLabels(data: string, reader: Reader, temperature: number) {
  for await (const row of streamRows(data)) {
    const outcome = await reader.find(row);
    if ('invalid' in outcome || outcome.logProbabilities === undefined) continue;
    yield { id: row.id, logits: atTemperature(outcome.logProbabilities, temperature) };
  }
}

/** The temperature that fits the rows whose label is known: those of the input, or else of the data. */
async function calibration(
  ctx: StepContext<QueryTeacherOptions>,
  { labels }: Asked,
  reader: Reader,
): Promise<Calibrated | undefined> {
  const given = ctx.optionalInput('calibration');
  const known = new Thinned<{ readonly logProbabilities: Float32Array; readonly truth: number }>(MOST_ROWS);
  for await (const row of streamRows((given ?? ctx.input('data')).path)) {
    if (row.label === null || !labels.includes(row.label)) continue;
    const outcome = await reader.find(row);
    if ('invalid' in outcome || outcome.logProbabilities === undefined) continue;
    known.add({ logProbabilities: outcome.logProbabilities, truth: labels.indexOf(row.label) });
  }
  const rows: Calibration = {
    logProbabilities: known.items.map(({ logProbabilities }) => logProbabilities),
    truth: known.items.map(({ truth }) => truth),
  };
  if (rows.truth.length >= FEWEST_ROWS) return calibrate(rows);
  if (given !== undefined && rows.truth.length > 0) {
    ctx.log('warning', `${rows.truth.length} labelled rows are too few to calibrate by; ${FEWEST_ROWS} would do`);
  }
  return undefined;
}

/** What the table says. */
class Counts {
  soft = 0;
  rows = 0;
  private invalid = 0;
  /** Answered, and nothing was left of it. */
  private refused = 0;
  private votes = 0;
  private shared = 0;
  private known = 0;
  private right = 0;
  private readonly labels: Map<string, number>;

  constructor(labels: readonly string[]) {
    this.labels = new Map(labels.map((label) => [label, 0]));
  }

  add({ label }: Row, outcome: Outcome): void {
    this.rows++;
    if ('invalid' in outcome) {
      this.invalid++;
      return;
    }
    const { row, logProbabilities, from, shared = 0 }: Finding = outcome;
    if (row === undefined) this.refused++;
    if (logProbabilities !== undefined) this.soft++;
    if (from === 'votes') this.votes++;
    this.shared += shared;
    if (from === undefined || row?.label == null) return;
    this.labels.set(row.label, (this.labels.get(row.label) ?? 0) + 1);
    if (label === null) return;
    this.known++;
    if (label === row.label) this.right++;
  }

  table(model: string, calibrated: Calibrated | undefined) {
    const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
    const cell = (what: string, value: string) => [what, value] as const;
    return {
      title: `What ${model} answered`,
      columns: [
        { label: '', align: 'left' as const },
        { label: 'rows', align: 'right' as const },
      ],
      rows: [
        cell('answered', String(this.rows - this.invalid - this.refused)),
        cell('no valid answer', String(this.invalid)),
        ...(this.refused > 0 ? [cell('not good enough', String(this.refused))] : []),
        ...[...this.labels].map(([label, count]) => cell(`label ${label}`, String(count))),
      ],
      notes: [
        ...(this.known > 0
          ? [`Of ${this.known} rows with a real label it has ${percent(this.right, this.known)} right.`]
          : []),
        ...(this.soft > 0 && this.votes > 0 ? [`Probabilities of ${this.votes} rows are shares of votes.`] : []),
        ...(calibrated === undefined
          ? []
          : [
              `Calibrated on ${calibrated.rows} labelled rows: temperature ${calibrated.temperature.toFixed(2)}, calibration error ${percent(calibrated.ece.before, 1)} before, ${percent(calibrated.ece.after, 1)} after.`,
            ]),
      ],
    };
  }

  warn(ctx: Pick<StepContext<unknown>, 'log'>): void {
    if (this.soft === 0 || this.shared / this.soft < 0.01) return;
    const share = ((100 * this.shared) / this.soft).toFixed(1);
    ctx.log(
      'warning',
      `${share} % of the probability is of labels that begin with the same token and cannot be told apart; labels that begin differently, or soft_labels: votes, would`,
    );
  }
}
