import type { HostTensors, Runner } from '../backend/runner.js';
import type { Row } from '../data/dataset.js';
import { withReasoning } from '../data/reasoning.js';
import { fieldsOf, fill } from '../data/template.js';
import type { TextTokenizer } from '../data/tokenizer.js';
import type { TransformerConfig } from '../models/architecture.js';
import { Continuations, meanLoss, surpriseOf, type Written } from '../models/continuations.js';
import { StepFailure } from '../util/failure.js';
import type { Batch } from './batches.js';
import type { Counts, Learnable, Making } from './examples.js';
import { nextFeeds, type Place } from './next-feeds.js';
import type { Asked } from './objective-parts.js';
import { policyFeeds } from './rollouts.js';
import type { Judge, Metric } from './validate.js';

/** How rows become what a language model is to write. */
export interface Lesson {
  /** A template over a row's fields; undefined: a row's text is learnt as a whole. */
  readonly prompt: string | undefined;
  /** What was thought before a response is written before it. */
  readonly reasoning: boolean;
  /** Ends what is written. */
  readonly endId: number;
}

/** An example: one response of a row, or its text. */
interface Example {
  readonly row: Row;
  readonly written: Written;
}

/** @throws StepFailure if a row lacks a field of the prompt */
function examplesOf(rows: readonly Row[], { prompt, reasoning }: Lesson): Example[] {
  return rows.flatMap((row): Example[] => {
    if (prompt === undefined) return row.text === '' ? [] : [{ row, written: { prompt, text: row.text } }];
    const { responses = [] } = row;
    if (responses.length === 0) return [];
    const asked = fill(prompt, fieldsOf(row), `row ${row.id}`);
    return responses.flatMap((answer, i): Example[] => {
      if (!reasoning) return [{ row, written: { prompt: asked, text: answer } }];
      const thoughts = row.reasoning?.[i] ?? '';
      return thoughts === '' ? [] : [{ row, written: { prompt: asked, text: withReasoning(thoughts, answer) } }];
    });
  });
}

/** @throws StepFailure `no-rows` if nothing is left; a row lacks a field of the prompt */
async function encode(
  input: 'data' | 'validation',
  rows: readonly Row[],
  lesson: Lesson,
  tokenizer: TextTokenizer,
  maxLength: number,
): Promise<{ readonly rows: Row[]; readonly continuations: Continuations; readonly tooLong: number }> {
  const { prompt, reasoning, endId } = lesson;
  const all = examplesOf(rows, lesson);
  const continuations = await Continuations.encode(
    all.map(({ written }) => written),
    tokenizer,
    endId,
    maxLength,
  );
  const { kept } = continuations;
  if (kept.length === 0) {
    if (all.length > 0) {
      const message = `no response of the input "${input}" fits into max_length ${maxLength}`;
      throw new StepFailure('no-rows', message, 'Raise max_length.');
    }
    if (prompt === undefined) throw new StepFailure('no-rows', `no row of the input "${input}" has a text`);
    if (reasoning) {
      const hint = 'They come from a teacher that tells what it thinks (query-teacher, task.mode generate).';
      throw new StepFailure('no-rows', `no response of the input "${input}" has reasoning before it`, hint);
    }
    throw new StepFailure(
      'no-rows',
      `no row of the input "${input}" has a response`,
      'Let query-teacher write them (task.mode generate), name the field in the option "response" of sample-data\'s source, or set learn_from: text.',
    );
  }
  const left = kept.map((i) => (all[i] as Example).row);
  return { rows: left, continuations, tooLong: all.length - kept.length };
}

/** Responses to learn to write, each an example of its own. */
export class ResponseExamples implements Learnable {
  private rooms: { readonly batch: number; readonly room: ReturnType<Continuations['room']> } | undefined;

  private constructor(
    readonly rows: readonly Row[],
    private readonly continuations: Continuations,
    private readonly padId: number,
    /** Responses that are left out because they do not fit. */
    readonly tooLong: number,
  ) {}

  static async encode(
    rows: readonly Row[],
    lesson: Lesson,
    tokenizer: TextTokenizer,
    { maxLength, padId }: Pick<TransformerConfig, 'maxLength' | 'padId'>,
  ): Promise<ResponseExamples> {
    const found = await encode('data', rows, lesson, tokenizer, maxLength);
    return new ResponseExamples(found.rows, found.continuations, padId, found.tooLong);
  }

  length(row: number): number {
    return this.continuations.length(row);
  }

  labelled(): boolean {
    return false;
  }

  prompt(row: number): Int32Array {
    return this.continuations.prompt(row);
  }

  batch(
    { rows, length }: Batch,
    batchSize: number,
    { caches, wanted, rollouts }: Pick<Making, 'caches' | 'wanted' | 'rollouts'>,
  ): HostTensors {
    const room = rollouts ? roomFor(rollouts.texts, batchSize, length) : this.room(batchSize)(rows, length);
    const said = caches.map((cache, i) => {
      const { logits, temperature } = wanted[i] as Asked;
      return cache && logits ? nextFeeds(i, cache, this.places(rows), room, temperature) : {};
    });
    const real = new Float32Array(batchSize).fill(1, 0, rows.length);
    const [texts, own] = rollouts ? [rollouts.texts, rows.map((_, i) => i)] : [this.continuations, rows];
    return Object.assign(
      {
        ...texts.feeds(own, batchSize, length, room, this.padId),
        rows: { dtype: 'float32', shape: [batchSize], data: real },
        ...policyFeeds(rollouts ?? { returns: [], importance: [] }, room),
      },
      ...said,
    );
  }

  private room(batchSize: number): ReturnType<Continuations['room']> {
    if (this.rooms?.batch !== batchSize) this.rooms = { batch: batchSize, room: this.continuations.room(batchSize) };
    return this.rooms.room;
  }

  /** @throws StepFailure `not-cached` if a prompt stands before what is learnt: a cache is of texts */
  private places(rows: readonly number[]): Place[] {
    return rows.flatMap((row): Place[] => {
      const ids = this.continuations.text(row);
      const { id } = this.rows[row] as Row;
      if (ids) return this.continuations.places(row).map((at) => ({ id, ids, at }));
      throw new StepFailure(
        'not-cached',
        'the cached next tokens are of texts, and this stage learns responses behind a prompt',
        'Give the model itself as "teacher", or set learn_from: text.',
      );
    });
  }

  counts({ rows }: Batch): Counts {
    return countsOfTexts(this.continuations, rows);
  }
}

/** How many things of each kind some texts have. */
export function countsOfTexts(texts: Continuations, rows: readonly number[]): Counts {
  const sum = (of: (row: number) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return {
    texts: rows.length,
    rows: rows.length,
    labels: 0,
    tokens: sum((row) => texts.length(row)),
    'written-tokens': sum((row) => texts.count(row)),
    'token-pairs': sum((row) => texts.length(row) ** 2),
    'causal-pairs': sum((row) => (texts.length(row) * (texts.length(row) + 1)) / 2),
  };
}

const ROOM = 64;

/** Room for all tokens that were written: a multiple, so that batches have few shapes. */
function roomFor(texts: Continuations, batchSize: number, length: number): number {
  let tokens = 0;
  for (let i = 0; i < texts.size; i++) tokens += texts.count(i);
  return Math.min(batchSize * length, ROOM * Math.max(1, Math.ceil(tokens / ROOM)));
}

/** Rows whose responses a model is judged by while it learns to write. */
export class ResponseValidation implements Judge {
  private constructor(private readonly continuations: Continuations) {}

  static async encode(
    rows: readonly Row[],
    lesson: Lesson,
    tokenizer: TextTokenizer,
    maxLength: number,
  ): Promise<ResponseValidation> {
    const { continuations } = await encode('validation', rows, lesson, tokenizer, maxLength);
    return new ResponseValidation(continuations);
  }

  /** Mean cross-entropy of the responses' tokens in nats, or its exponential. */
  async measure(metric: Metric, runner: Runner, config: TransformerConfig, parameters: HostTensors): Promise<number> {
    const surprises = await surpriseOf(runner, config, parameters, this.continuations);
    const mean = meanLoss(surprises);
    return metric === 'perplexity' ? Math.exp(mean) : mean;
  }
}
