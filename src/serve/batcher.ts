import { setImmediate as turn } from 'node:timers/promises';
import { ApiError } from './errors.js';

/** A request's inputs, of which some passes may have answered some. */
interface Job<Input, Output> {
  readonly inputs: readonly Input[];
  readonly outputs: Output[];
  /** Inputs that a pass has taken, and those that it has answered. */
  taken: number;
  answered: number;
  readonly end: (error?: unknown) => void;
}

export interface BatcherOptions {
  /** Inputs of one pass, at most. */
  readonly most: number;
  /** Passes at once. */
  readonly passes: number;
  /** Requests that may wait, at most. */
  readonly waiting: number;
}

/** Longest time that is named to a request that is refused. Seconds. */
const LONGEST_RETRY = 60;

/**
 * Puts inputs of requests that wait together into one pass. While passes run the next one gathers; nothing is ever
 * waited for. Requests take turns, so that one of many inputs does not keep out the others.
 */
export class Batcher<Input, Output> {
  private readonly queue: Job<Input, Output>[] = [];
  private running = 0;
  private planned = false;
  /** Of the last pass. */
  private seconds = 0;

  /** @param run answers up to `most` inputs in their order */
  constructor(
    private readonly run: (inputs: readonly Input[]) => Promise<readonly Output[]>,
    private readonly options: BatcherOptions,
  ) {}

  /** Requests of which nothing has begun. */
  get waiting(): number {
    return this.queue.reduce((sum, { taken }) => sum + (taken === 0 ? 1 : 0), 0);
  }

  /** @throws ApiError 429 if too many requests wait */
  check(): void {
    const { waiting, most, passes } = this.options;
    // Those that the next passes will take do not have to wait.
    if (this.waiting < waiting + (passes - this.running) * most) return;
    const inputs = this.queue.reduce((sum, job) => sum + job.inputs.length - job.taken, 0);
    const seconds = Math.ceil(inputs / (most * passes)) * this.seconds;
    throw new ApiError({
      status: 429,
      message: `${this.waiting} requests wait for this model already, as many as may (--max-waiting). Try again later.`,
      type: 'rate_limit_error',
      param: null,
      code: 'rate_limit_exceeded',
      retryAfter: Math.min(LONGEST_RETRY, Math.max(1, Math.ceil(seconds))),
    });
  }

  /**
   * The outputs of a request's inputs. An aborted request rejects at once, and those of its inputs that wait are
   * forgotten; a pass that fails fails the requests that it was for, and no others.
   *
   * @param inputs one at least
   * @throws ApiError 429, at once, if too many requests wait
   */
  submit(inputs: readonly Input[], signal: AbortSignal): Promise<Output[]> {
    this.check();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => job.end(signal.reason);
      const job: Job<Input, Output> = {
        inputs,
        outputs: [],
        taken: 0,
        answered: 0,
        end: (error) => {
          signal.removeEventListener('abort', onAbort);
          const place = this.queue.indexOf(job);
          if (place >= 0) this.queue.splice(place, 1);
          if (error === undefined) resolve(job.outputs);
          else reject(error);
        },
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      this.queue.push(job);
      void this.work();
    });
  }

  private async work(): Promise<void> {
    if (this.planned || this.running === this.options.passes) return;
    this.planned = true;
    // Those that arrive in the same turn of the loop go together.
    await turn();
    this.planned = false;
    while (this.queue.length > 0 && this.running < this.options.passes) void this.pass();
  }

  private async pass(): Promise<void> {
    this.running++;
    const pass = this.take();
    const started = performance.now();
    try {
      const outputs = await this.run(pass.map(({ job, at }) => job.inputs[at] as Input));
      pass.forEach(({ job, at }, i) => {
        job.outputs[at] = outputs[i] as Output;
        if (++job.answered === job.inputs.length) job.end();
      });
    } catch (error) {
      for (const { job } of pass) job.end(error);
    }
    this.seconds = (performance.now() - started) / 1000;
    this.running--;
    while (this.queue.length > 0 && this.running < this.options.passes) void this.pass();
  }

  /** The next pass: one input of each request in turn. */
  private take(): { readonly job: Job<Input, Output>; readonly at: number }[] {
    const pass: { job: Job<Input, Output>; at: number }[] = [];
    while (pass.length < this.options.most) {
      const job = this.queue.shift();
      if (job === undefined) break;
      pass.push({ job, at: job.taken++ });
      if (job.taken < job.inputs.length) this.queue.push(job);
    }
    return pass;
  }
}
