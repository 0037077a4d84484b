import { setTimeout } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { Row } from '../../data/dataset.js';
import { sha256 } from '../../util/canonical.js';
import { StepFailure } from '../../util/failure.js';
import type { Answers, NotedBatch } from './answers.js';
import { type Asker, OutOfBudget, type Request } from './asker.js';
import { lineOf, linesOf, questionsIn, type ResultLine, resultOf } from './batch-file.js';
import type { Client } from './client.js';
import { RequestFailure } from './failure.js';
import { RETRY, stepFailure } from './giving-up.js';
import type { Inquiry } from './inquiry.js';
import { InvalidRows } from './invalid.js';
import { keyOf } from './key.js';
import type { Reservation } from './ledger.js';
import type { Question } from './reply.js';
import type { Unanswered } from './round.js';

/** As OpenAI has them; it takes files of 200 MB. */
const MOST_REQUESTS = 50_000;
const MOST_BYTES = 100e6;
const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 60_000;
/** So often in a row a batch may bring nothing, as one that expires before it begins. */
const MOST_IN_VAIN = 3;
/** What the server's clock may differ from ours. */
const CLOCK_MS = 3_600_000;
/** The name of a batch until the server has given it one. */
const UNSENT = 'unsent:';
/** As OpenAI has it, characters of a value. */
const MOST_METADATA = 512;
/** Once the budget has cut a batch, its rest has to be enough for so many to be worth another one. */
const FEWEST_OF_REST = 100;

export interface BatchOptions {
  readonly inquiry: Inquiry;
  readonly asker: Asker;
  readonly answers: Answers;
  readonly client: Client;
  readonly baseUrl: string;
  readonly model: string;
  readonly account: string;
  readonly retries: number;
  readonly total: number;
  /** Share of rows that may stay without a valid answer. */
  readonly maxInvalid: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Requests of the batch under way that are answered, of how many. */
  readonly progress: (done: number, total: number) => Promise<void>;
  /** Rows that are settled. */
  readonly settled: (rows: number) => void;
  readonly log: (message: string) => void;
}

/**
 * Asks through the Batch API: all open questions in files of at most 50,000, again until none is open, as answers leave
 * new ones open: corrections, votes. A batch is noted before it is sent, under a name that it carries on the server too,
 * so one that was begun is found and waited for, and not begun again, whenever the process died.
 *
 * @param rows a fresh pass over all rows at each call
 * @returns rows that the server refused to answer, and why
 * @throws OutOfBudget; StepFailure; RequestFailure of kind `parameter`; the signal's reason
 */
export async function askInBatches(rows: () => AsyncIterable<Row>, options: BatchOptions): Promise<Unanswered> {
  const batches = new Batches(options);
  try {
    await batches.finishNoted();
    for (let inVain = 0; inVain < MOST_IN_VAIN; ) {
      const { asked, brought } = await batches.round(rows());
      if (asked === 0) return batches.unanswered;
      inVain = brought === 0 ? inVain + 1 : 0;
    }
  } catch (error) {
    options.signal.throwIfAborted();
    throw stepFailure(error, { base_url: options.baseUrl, model: options.model }, options.retries);
  }
  throw new StepFailure(
    'batches',
    `${MOST_IN_VAIN} batches in a row brought no answer`,
    'What was answered before is kept. Try without batch: true.',
  );
}

class Batches {
  readonly unanswered = new Map<string, string>();
  /** Questions that the server refused, by key. */
  private readonly refused = new Map<string, RequestFailure>();
  private readonly open = new Map<string, Request>();
  /** Whether the budget had no room for all of a batch. */
  private cut = false;

  constructor(private readonly options: BatchOptions) {}

  /** Waits for the batches that were begun before. */
  async finishNoted(): Promise<void> {
    const { answers, baseUrl, log } = this.options;
    for (const noted of answers.batches(baseUrl)) {
      const id = noted.id.startsWith(UNSENT) ? await this.settleUnsent(noted) : noted.id;
      if (id === undefined) continue;
      log(`waiting for batch ${id}, which was begun before`);
      await this.finish(id, noted.requests);
    }
  }

  /** Asks what is open. @returns how many questions, and how many of them were answered or refused */
  async round(rows: AsyncIterable<Row>): Promise<{ asked: number; brought: number }> {
    const { maxInvalid, total, settled } = this.options;
    const invalid = new InvalidRows(maxInvalid, total);
    const sum = { asked: 0, brought: 0 };
    const submit = async (): Promise<void> => {
      const { asked, brought } = await this.submit();
      sum.asked += asked;
      sum.brought += brought;
      bytes = 0;
    };
    let bytes = 0;
    let done = 0;
    for await (const row of rows) {
      const found = await this.missing(row);
      if ('requests' in found) {
        for (const request of found.requests) {
          const key = keyOf(request.question);
          if (this.open.has(key)) continue;
          const size = Buffer.byteLength(JSON.stringify(lineOf(request.question))) + 1;
          if (this.open.size === MOST_REQUESTS || bytes + size > MOST_BYTES) await submit();
          this.open.set(key, request);
          bytes += size;
        }
        continue;
      }
      settled(++done);
      const failure = found.invalid === undefined ? undefined : invalid.add(row.id, found.invalid, done);
      if (failure !== undefined) throw failure;
    }
    if (this.open.size > 0) await submit();
    return sum;
  }

  /** The requests without whose answers a row cannot go on; or that the row is settled. */
  private async missing(row: Row): Promise<{ requests: readonly Request[] } | { invalid: string | undefined }> {
    const { inquiry, asker } = this.options;
    const requests: Request[] = [];
    const open = new Error('open');
    try {
      const outcome = await inquiry.find(
        row,
        async (request) => {
          const found = asker.stored(request.question);
          if (found !== undefined) return found;
          const failure = this.refused.get(keyOf(request.question));
          if (failure !== undefined) {
            if (failure.kind === 'row') this.unanswered.set(row.id, failure.message);
            throw failure;
          }
          requests.push(request);
          throw open;
        },
        'at-once',
      );
      // Of a row that is settled without them.
      return { invalid: 'invalid' in outcome ? outcome.invalid : undefined };
    } catch (error) {
      if (error !== open) throw error;
      return { requests };
    }
  }

  private async submit(): Promise<{ asked: number; brought: number }> {
    const { asker, answers, baseUrl, now } = this.options;
    const requests = [...this.open.values()];
    this.open.clear();
    const lines = requests.map(({ question }) => lineOf(question));
    const created = now();
    const id = `${UNSENT}${sha256(JSON.stringify([created, lines.map(({ custom_id }) => custom_id)])).slice(0, 32)}`;
    const { room, reservations } = await asker.beginBatch(id, baseUrl, requests);
    const noted = { id, created, requests: reservations };
    if (room === 0) throw new OutOfBudget();
    if (this.cut && room < Math.min(FEWEST_OF_REST, requests.length)) {
      await this.drop(noted);
      throw new OutOfBudget();
    }
    this.cut ||= room < requests.length;
    const sent = lines.slice(0, room);
    const batch = await this.send(sent.map((line) => `${JSON.stringify(line)}\n`).join(''), noted);
    await answers.nameBatch(id, batch);
    const questions = new Map(sent.map(({ custom_id }, i) => [custom_id, (requests[i] as Request).question]));
    return { asked: requests.length, brought: await this.finish(batch, reservations, questions) };
  }

  /** @returns the batch's id on the server. One that certainly did not begin is not noted any more. */
  private async send(jsonl: string, noted: NotedBatch): Promise<string> {
    const { client } = this.options;
    let sent = false;
    try {
      const input = await this.patiently(() => client.upload(jsonl));
      return await this.patiently(async () => {
        const found = sent ? await this.findUnsent(noted) : undefined;
        sent = true;
        return found ?? (await this.create(input, noted.id));
      });
    } catch (error) {
      if (!sent || (error instanceof RequestFailure && !error.unknown)) await this.drop(noted);
      throw error;
    }
  }

  private async create(input: string, name: string): Promise<string> {
    const { client, account } = this.options;
    const batch = await client.request((options) =>
      client.api.batches.create(
        {
          input_file_id: input,
          endpoint: '/v1/chat/completions',
          completion_window: '24h',
          metadata: { recipe: account.slice(0, MOST_METADATA), batch: name.slice(UNSENT.length) },
        },
        options,
      ),
    );
    return batch.id;
  }

  /** What became of a batch that was noted and perhaps sent: its id, or undefined if it never began. */
  private async settleUnsent(noted: NotedBatch): Promise<string | undefined> {
    const id = await this.patiently(() => this.findUnsent(noted));
    if (id === undefined) await this.drop(noted);
    else await this.options.answers.nameBatch(noted.id, id);
    return id;
  }

  /** The server lists batches from the newest to the oldest. */
  private async findUnsent({ id: name, created }: NotedBatch): Promise<string | undefined> {
    const { client } = this.options;
    for (let after: string | undefined; ; ) {
      const query = { limit: 100, ...(after === undefined ? {} : { after }) };
      const page = await client.request((options) => client.api.batches.list(query, options));
      const found = page.data.find(({ metadata }) => metadata?.batch === name.slice(UNSENT.length));
      if (found !== undefined) return found.id;
      const last = page.data.at(-1);
      if (!page.has_more || last === undefined || 1000 * last.created_at < created - CLOCK_MS) return undefined;
      after = last.id;
    }
  }

  private async drop({ id, requests }: NotedBatch): Promise<void> {
    const { answers } = this.options;
    await Promise.all(Object.values(requests).map((reservation) => answers.release(reservation)));
    await answers.endBatch(id);
  }

  /**
   * Waits for a batch and takes what it brought.
   * @param known its questions by their lines' names, if this process sent it
   * @returns how many questions were answered or refused
   */
  private async finish(
    id: string,
    reservations: Readonly<Record<string, Reservation>>,
    known?: ReadonlyMap<string, Question>,
  ): Promise<number> {
    const { answers, baseUrl } = this.options;
    const batch = await this.ended(id, known?.size ?? Object.keys(reservations).length);
    const left = new Map(Object.entries(reservations));
    let brought = 0;
    for (const file of [batch.output_file_id, batch.error_file_id]) {
      if (!file) continue;
      known ??= questionsIn(await this.text(batch.input_file_id), baseUrl);
      brought += await this.take(await this.text(file), known, left);
    }
    // What has no answer was not done.
    await Promise.all([...left.values()].map((reservation) => answers.release(reservation)));
    await answers.endBatch(id);
    await this.remove([batch.input_file_id, batch.output_file_id, batch.error_file_id]);
    if (batch.status === 'failed') throw failed(id, batch.errors?.data);
    return brought;
  }

  /** Nothing more is needed of what rows said there. A file that cannot be deleted stays until the provider does it. */
  private async remove(files: readonly (string | null | undefined)[]): Promise<void> {
    const { client, signal } = this.options;
    for (const file of files) {
      if (file) await client.request((options) => client.api.files.delete(file, options)).catch(() => {});
      signal.throwIfAborted();
    }
  }

  private async ended(id: string, size: number) {
    const { client, signal, progress } = this.options;
    for (let wait = FIRST_POLL_MS; ; wait = Math.min(2 * wait, LONGEST_POLL_MS)) {
      const batch = await this.patiently(() => client.request((options) => client.api.batches.retrieve(id, options)));
      const { completed = 0, total = 0 } = batch.request_counts ?? {};
      await progress(completed, Math.max(total, size));
      if (!UNDER_WAY.has(batch.status)) return batch;
      await setTimeout(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  private text(file: string): Promise<string> {
    const { client } = this.options;
    return this.patiently(() =>
      client.request(async (options) => (await client.api.files.content(file, options)).text()),
    );
  }

  /** Keeps the answers of a file. A part of them may have been kept before the process died. */
  private async take(
    jsonl: string,
    questions: ReadonlyMap<string, Question>,
    left: Map<string, Reservation>,
  ): Promise<number> {
    const { asker, answers } = this.options;
    const kept: Promise<void>[] = [];
    let brought = 0;
    for (const line of linesOf<ResultLine>(jsonl)) {
      const question = questions.get(line.custom_id);
      if (question === undefined) continue;
      const key = keyOf(question);
      const noted = left.get(key);
      left.delete(key);
      const reservation = noted !== undefined && answers.isHeld(noted) ? noted : undefined;
      const isNew = asker.stored(question) === undefined;
      const result = resultOf(line);
      if (!(result instanceof RequestFailure)) {
        if (isNew || reservation !== undefined) kept.push(asker.receive(question, result, reservation));
        if (isNew) brought++;
      } else if (result.unknown) {
        if (isNew || reservation !== undefined) kept.push(asker.waste(question, reservation));
      } else {
        if (reservation !== undefined) kept.push(answers.release(reservation));
        if (AGAIN.has(result.kind)) continue;
        this.refused.set(key, result);
        brought++;
      }
    }
    await Promise.all(kept);
    return brought;
  }

  /** A call that is made again where that may help. */
  private patiently<T>(call: () => Promise<T>): Promise<T> {
    const { retries, signal } = this.options;
    return pRetry(
      () =>
        call().catch(async (error: unknown) => {
          const wait = error instanceof RequestFailure ? (error.afterMs ?? 0) : 0;
          if (wait > 0) await setTimeout(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
          throw error;
        }),
      {
        ...RETRY,
        retries,
        signal,
        shouldRetry: ({ error }) => error instanceof RequestFailure && AGAIN.has(error.kind),
      },
    );
  }
}

const UNDER_WAY: ReadonlySet<string> = new Set(['validating', 'in_progress', 'finalizing', 'cancelling']);
/** Failures that say nothing of the question. */
const AGAIN: ReadonlySet<string> = new Set(['again', 'slow-down']);

function failed(id: string, errors: readonly { message?: string }[] | undefined): StepFailure {
  const why = errors?.[0]?.message ?? 'the server does not say why';
  return new StepFailure(
    'batch-failed',
    `batch ${id} failed: ${why}`,
    'Nothing of it was answered. Try without batch: true.',
  );
}
