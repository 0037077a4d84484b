import { wilson } from '../../report/intervals.js';
import { StepFailure } from '../../util/failure.js';

/** Fewer invalid answers than this prove nothing. */
const FEWEST = 20;
/** Reasons that a message quotes. */
const QUOTED = 3;

/** Counts rows without a valid answer, and says as soon as it is plain that they will be too many. */
export class InvalidRows {
  private count = 0;
  private readonly reasons: string[] = [];

  /** @param most share of rows that may stay without a valid answer @param total rows in all */
  constructor(
    private readonly most: number,
    private readonly total: number,
  ) {}

  /** @param done rows that are settled, this one among them @returns why it makes no sense to go on */
  add(row: string, why: string, done: number): StepFailure | undefined {
    this.count++;
    if (this.reasons.length < QUOTED) this.reasons.push(`row ${row}: ${why}`);
    const plain = this.count >= FEWEST && wilson(this.count, done).low > this.most;
    if (this.count <= this.most * this.total && !plain) return undefined;
    return new StepFailure(
      'invalid-answers',
      `${this.count} of the first ${done} rows have no valid answer, more than max_invalid allows (${100 * this.most} %): ${this.reasons.join('; ')}`,
      'Change the prompt, the labels, max_tokens or the model; or raise max_invalid. Answers are kept.',
    );
  }
}
