import type { Parameters } from '../models/initialize.js';
import type { Validate } from '../options/train.js';
import { isBetter, type Metric } from './validate.js';

/** What a stage's evaluations have shown so far; part of a checkpoint. */
export interface Progress {
  /** Undefined before the first evaluation. */
  readonly best: number | undefined;
  /** Evaluations since then. */
  readonly since: number;
}

/** Keeps the parameters that were best on the validation rows, and says when to stop waiting for better ones. */
export class Best {
  private best: number | undefined;
  private since = 0;
  private kept: Record<string, Float32Array> | undefined;

  constructor(private readonly options: Validate) {}

  add(value: number, parameters: Parameters): void {
    if (this.best === undefined || isBetter(this.options.metric as Metric, value, this.best)) {
      this.best = value;
      this.since = 0;
      if (this.options.keep === 'best') {
        this.kept ??= {};
        for (const [name, { data }] of Object.entries(parameters)) {
          const copy = this.kept[name];
          if (copy) copy.set(data);
          else this.kept[name] = data.slice();
        }
      }
    } else this.since++;
  }

  /** It has waited for better ones as long as it should. */
  get waited(): boolean {
    return this.options.patience !== undefined && this.since >= this.options.patience;
  }

  get progress(): Progress {
    return { best: this.best, since: this.since };
  }

  /** The best parameters; undefined if the last are wanted, or none was judged. */
  get parameters(): Readonly<Record<string, Float32Array>> | undefined {
    return this.kept;
  }

  restore({ best, since }: Progress, kept: Readonly<Record<string, Float32Array>> | undefined): void {
    this.best = best;
    this.since = since;
    this.kept = kept && { ...kept };
  }
}
