import type { LogitsCache } from '../data/logits.js';
import type { Choice } from '../options/choose-data.js';
import type { Pool } from './pool.js';
import type { Vectors } from './vectors.js';

/** What a method is given. */
export interface Task {
  readonly pool: Pool;
  /** How many rows to choose. */
  readonly rows: number;
  readonly seed: number;
  /** What models say of the rows: as many as the method reads. */
  readonly caches: readonly LogitsCache[];
  /** Of all rows, in the order of the pool; made when first asked for. */
  vectors(): Promise<Vectors>;
  /** Awaited often: it reports, and throws when the user asks to stop. */
  progress(done: number, total: number, phase: string, unit?: string): Promise<void>;
}

/** A way to choose rows. `methods/index.ts` lists all of them. */
export interface Method<Options extends Choice> {
  readonly type: Options['type'];
  /** How many caches of logits it reads. */
  readonly logits: 'none' | 'one' | 'several';
  /**
   * @returns numbers of rows, none of them chosen before, in the order in which they are chosen: fewer would have been the
   *   beginning of these
   */
  choose(task: Task, options: Options): Promise<ArrayLike<number>>;
}

/** Types one method and hides its options from whoever looks it up by their type. */
export const defineMethod = <Options extends Choice>(method: Method<Options>): Method<Choice> =>
  method as unknown as Method<Choice>;
