import { setTimeout } from 'node:timers/promises';
import { TokenBucket } from 'limiter';

const MINUTE_MS = 60_000;
/** What a minute allows is spread over it: a tenth may go at once. */
const BURST = 10;
/** A timer cannot run for longer than some weeks; who has to wait for long looks again. */
const LONGEST_TIMER_MS = 3_600_000;

/** What a minute allows of something. Who comes first is served first. */
export class Allowance {
  private readonly bucket: TokenBucket;
  private last: Promise<void> = Promise.resolve();

  constructor(perMinute: number, minuteMs = MINUTE_MS) {
    this.bucket = new TokenBucket({
      bucketSize: Math.max(1, perMinute / BURST),
      tokensPerInterval: perMinute,
      interval: minuteMs,
    });
    this.bucket.content = this.bucket.bucketSize;
  }

  /**
   * Resolves when so much may be taken. More than a burst is taken on credit, and whoever is next waits for it.
   * @throws the signal's reason
   */
  async take(count: number, signal: AbortSignal): Promise<void> {
    const before = this.last;
    let done = (): void => undefined;
    this.last = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await before;
      const now = Math.min(count, this.bucket.bucketSize);
      while (!this.bucket.tryRemoveTokens(now)) await wait(this.bucket.getWaitTime(now), signal);
      this.bucket.content -= count - now;
    } finally {
      done();
    }
  }
}

/** Waits so long, or for an hour where it is longer. @throws the signal's reason */
export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  const short = Math.min(LONGEST_TIMER_MS, Math.max(1, ms));
  await setTimeout(short, undefined, { signal }).catch(() => signal.throwIfAborted());
}
