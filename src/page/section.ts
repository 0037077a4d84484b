import type { Html } from './html.js';
import type { RunData } from './run-data.js';

/** A part of the report. */
export interface Section {
  /** In links. */
  readonly id: string;
  readonly title: string;
  /** Undefined where the run has nothing of the kind. */
  render(run: RunData): Html | undefined;
}
