import { setTimeout } from 'node:timers/promises';
import type { Row } from '../../data/dataset.js';
import { StepFailure } from '../../util/failure.js';
import type { Json, JsonObject } from '../../util/json.js';
import type { Answers, Reservation } from './answers.js';
import { type Asker, OutOfBudget, type Request } from './asker.js';
import { answered, type Client } from './client.js';
import { RequestFailure } from './failure.js';
import type { Inquiry } from './inquiry.js';
import { keyOf } from './key.js';
import type { Question } from './reply.js';
import type { Unanswered } from './round.js';

/** As OpenAI has them; a file of so many short requests stays below its limit of bytes. */
const MOST_REQUESTS = 50_000;
const MOST_BYTES = 150e6;
const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 60_000;
/** Each round asks what the answers of the one before left open: corrections, votes. */
const MOST_ROUNDS = 20;

export interface BatchOptions {
  readonly inquiry: Inquiry;
  readonly asker: Asker;
  readonly answers: Answers;
  readonly client: Client;
  readonly baseUrl: string;
  readonly account: string;
  readonly signal: AbortSignal;
  /** Requests of the batch under way that are answered, of how many. */
  readonly progress: (done: number, total: number) => Promise<void>;
  readonly log: (message: string) => void;
}

/**
 * Asks through the Batch API: all open questions in files of at most 50,000, again until none is open. A batch is noted
 * with its id and carries the step's name on the server, so one that was begun is waited for, and not begun again, by
 * whoever comes after a kill.
 * @param rows a fresh pass over all rows at each call
 */
export async function askInBatches(rows: () => AsyncIterable<Row>, options: BatchOptions): Promise<Unanswered> {
  const batches = new Batches(options);
  await batches.adopt();
  await batches.finishOpen();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (!(await batches.round(rows()))) return batches.unanswered;
  }
  throw new StepFailure(
    'batches',
    `after ${MOST_ROUNDS} rounds of batches the server has still not answered every question`,
  );
}

/** What a batch's output says of one request. */
interface Line {
  readonly custom_id: string;
  readonly response?: { readonly status_code: number; readonly body: unknown } | null;
  readonly error?: { readonly message?: string } | null;
}

class Batches {
  readonly unanswered = new Map<string, string>();
  /** Questions that the server refused, and why. */
  private readonly refused = new Map<string, string>();
  private readonly open = new Map<string, Request>();

  constructor(private readonly options: BatchOptions) {}

  /** Takes over batches of this step that were made and not noted. */
  async adopt(): Promise<void> {
    const { client, answers, account, baseUrl } = this.options;
    const known = new Set(answers.batches(baseUrl).map(({ id }) => id));
    const page = await client.request((options) => client.api.batches.list({ limit: 100 }, options));
    for (const { id, metadata, status } of page.data) {
      if (metadata?.recipe !== account || known.has(id) || !UNDER_WAY.has(status)) continue;
      await answers.beginBatch(id, baseUrl, {});
    }
  }

  /** Waits for the batches that were begun. */
  async finishOpen(): Promise<void> {
    const { answers, baseUrl, log } = this.options;
    for (const { id, requests } of answers.batches(baseUrl)) {
      log(`waiting for batch ${id}, which was begun before`);
      await this.finish(id, requests);
    }
  }

  /** Asks what is open, and says whether there was something. */
  async round(rows: AsyncIterable<Row>): Promise<boolean> {
    let any = false;
    let bytes = 0;
    for await (const row of rows) {
      for (const request of await this.missing(row)) {
        any = true;
        this.open.set(keyOf(request.question), request);
        bytes += JSON.stringify(request.question).length;
      }
      if (this.open.size >= MOST_REQUESTS || bytes >= MOST_BYTES) {
        await this.submit();
        bytes = 0;
      }
    }
    if (this.open.size > 0) await this.submit();
    return any;
  }

  /** The requests without whose answers a row cannot go on; all that can be known now. */
  private async missing(row: Row): Promise<Request[]> {
    const { inquiry, asker } = this.options;
    const first = inquiry.requests(row).filter((request) => !this.isSettled(request));
    if (first.length > 0) return first;
    let next: Request | undefined;
    const stop = new Error('open');
    try {
      await inquiry.find(row, async (request) => {
        const found = asker.stored(request.question);
        if (found !== undefined) return found;
        const why = this.refused.get(keyOf(request.question));
        if (why !== undefined) {
          this.unanswered.set(row.id, why);
          throw new RequestFailure('row', why);
        }
        next = request;
        throw stop;
      });
    } catch (error) {
      if (error !== stop) throw error;
    }
    return next === undefined ? [] : [next];
  }

  private isSettled({ question }: Request): boolean {
    return this.options.asker.stored(question) !== undefined || this.refused.has(keyOf(question));
  }

  private async submit(): Promise<void> {
    const { asker, client, answers, baseUrl, account } = this.options;
    const requests = [...this.open.values()];
    const room = await asker.prepare(requests);
    if (room === 0) throw new OutOfBudget();
    const sent = requests.slice(0, room);
    const lines = sent.map(({ question }) => JSON.stringify(lineOf(question)));
    const input = await client.upload(`${lines.join('\n')}\n`);
    const batch = await client.request((options) =>
      client.api.batches.create(
        {
          input_file_id: input,
          endpoint: '/v1/chat/completions',
          completion_window: '24h',
          metadata: { recipe: account },
        },
        options,
      ),
    );
    const reservations = asker.handOver(sent);
    await answers.beginBatch(batch.id, baseUrl, reservations);
    this.open.clear();
    await this.finish(batch.id, reservations);
  }

  private async finish(id: string, reservations: Readonly<Record<string, Reservation>>): Promise<void> {
    const { client, answers, signal, progress } = this.options;
    for (let wait = FIRST_POLL_MS; ; wait = Math.min(2 * wait, LONGEST_POLL_MS)) {
      const batch = await client.request((options) => client.api.batches.retrieve(id, options));
      await progress(batch.request_counts?.completed ?? 0, batch.request_counts?.total ?? 0);
      if (!UNDER_WAY.has(batch.status)) {
        const left = new Map(Object.entries(reservations));
        const questions = await this.questions(batch.input_file_id);
        for (const file of [batch.output_file_id, batch.error_file_id]) {
          if (file) await this.take(file, questions, left);
        }
        // What has no answer was not done.
        for (const reservation of left.values()) await answers.release(reservation);
        await answers.endBatch(id);
        if (batch.status === 'failed') throw failed(id, batch.errors?.data);
        return;
      }
      await setTimeout(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** What a batch asked, by key, as its file on the server has it: that is there whoever began the batch. */
  private async questions(file: string): Promise<Map<string, Question>> {
    const { baseUrl } = this.options;
    const asked = (await this.lines(file)) as BatchLine[];
    return new Map(asked.map((line) => [line.custom_id, questionOf(line, baseUrl)]));
  }

  private async lines(file: string): Promise<unknown[]> {
    const { client } = this.options;
    const text = await client.request(async (options) => (await client.api.files.content(file, options)).text());
    return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]));
  }

  /** Keeps the answers of a file. */
  private async take(
    file: string,
    questions: ReadonlyMap<string, Question>,
    left: Map<string, Reservation>,
  ): Promise<void> {
    const { asker, answers } = this.options;
    const kept: Promise<void>[] = [];
    for (const { custom_id, response, error } of (await this.lines(file)) as Line[]) {
      const question = questions.get(custom_id);
      if (question === undefined) continue;
      const key = keyOf(question);
      const reservation = left.get(key);
      left.delete(key);
      if (response?.status_code === 200) {
        kept.push(asker.receive(question, answered(response.body), reservation));
        continue;
      }
      const status = response?.status_code ?? 0;
      if (status >= 400 && status < 500 && status !== 429) {
        this.refused.set(key, `${status} ${error?.message ?? 'refused in a batch'}`);
      }
      if (reservation !== undefined) kept.push(answers.release(reservation));
    }
    await Promise.all(kept);
  }
}

/** One request in a batch's file. */
interface BatchLine {
  readonly custom_id: string;
  readonly method: 'POST';
  readonly url: '/v1/chat/completions';
  readonly body: JsonObject;
}

/** Which sample it is stands behind the key, since the body cannot say. */
function lineOf(question: Question): BatchLine {
  const { model, messages, parameters, sample } = question;
  const custom_id = sample === undefined ? keyOf(question) : `${keyOf(question)}.${sample}`;
  const body = { model, messages: messages as unknown as Json, ...parameters };
  return { custom_id, method: 'POST', url: '/v1/chat/completions', body };
}

function questionOf({ custom_id, body }: BatchLine, baseUrl: string): Question {
  const { model, messages, ...parameters } = body;
  const [, sample] = custom_id.split('.');
  return {
    base_url: baseUrl,
    model: model as string,
    messages: messages as unknown as Question['messages'],
    parameters,
    ...(sample === undefined ? {} : { sample: Number(sample) }),
  };
}

const UNDER_WAY: ReadonlySet<string> = new Set(['validating', 'in_progress', 'finalizing', 'cancelling']);

function failed(id: string, errors: readonly { message?: string }[] | undefined): StepFailure {
  const why = errors?.[0]?.message ?? 'the server does not say why';
  return new StepFailure(
    'batch-failed',
    `batch ${id} failed: ${why}`,
    'Nothing of it was answered. Try without batch: true.',
  );
}
