import type { RunRecord } from '../engine/journal.js';
import type { StepResult } from '../engine/results.js';
import type { Claim, Progress, Table } from '../engine/step.js';
import type { LogLine, StepView, View } from '../ui/view.js';
import type { Json } from '../util/json.js';

/** An output of a step as it can be shown. */
export interface Output {
  readonly name: string;
  readonly kind: string;
  /** Absent of a measurement. */
  readonly digest?: string;
  /** Of a measurement. */
  readonly value?: Json;
  /** Its small JSON files by name; of lists of lines (`.jsonl`) the first ones. */
  readonly files: Readonly<Record<string, Json>>;
  /** All of its files. */
  readonly bytes: number;
}

/** What is known of one step instance of a run. */
export interface StepData extends StepView {
  readonly fingerprint?: string;
  /** Absent until it has ended well. */
  readonly parts?: StepResult['parts'];
  readonly results: readonly Output[];
  readonly tables: readonly Table[];
  readonly logs: readonly LogLine[];
  /** Reports of its last attempt in which there is a loss, by the journal: at most one a second. */
  readonly reports: readonly Progress[];
  /** What it says of its results: terms, permissions. */
  readonly claims: readonly Claim[];
}

/** All that a report is made of. */
export interface RunData {
  readonly record: RunRecord;
  readonly view: Omit<View, 'steps'>;
  /** The recipe's text; undefined where it is not known any more. */
  readonly recipe: string | undefined;
  /** In the plan's order. */
  readonly steps: readonly StepData[];
}
