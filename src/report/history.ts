import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The artifact of kind `history`: `history.json`, what the updates of a step's trainings gave.
 */

const FILE = 'history.json';

/** An objective over the points of a stage at which there was something of it: tasks may take turns. A list has a number a point. */
export interface ObjectiveHistory {
  readonly update: number[];
  readonly name: string;
  /** Which of the models that are trained at once learns by it, the first being 0. */
  readonly model: number;
  /** Its own loss, before its weight. */
  readonly loss: number[];
  readonly weight: number[];
  /** What else of it follows a schedule, such as its temperature. */
  readonly scheduled: Record<string, number[]>;
}

/** A stage over its points: losses and norms are means over the updates since the last point, the rest is as it was then. */
export interface StageHistory {
  /** Updates that it was to have; fewer where it ended early. */
  readonly updates: number;
  readonly update: number[];
  readonly loss: number[];
  readonly learning_rate: number[];
  /** Global norm, before clipping. */
  readonly gradient_norm: number[];
  readonly objectives: ObjectiveHistory[];
  /** What it was judged by on the validation rows; null where it was not. */
  readonly validation: { readonly metric: string; readonly update: number[]; readonly value: number[] } | null;
}

/** One training of a step: a model, or several together. */
export interface TrainingHistory {
  /** Which of the step's trainings, where it has several: `generation 2`. */
  readonly name: string | null;
  readonly stages: readonly StageHistory[];
}

/** Writes `history.json`, the artifact of kind `history`, into a folder. */
export const writeHistory = (folder: string, trainings: readonly TrainingHistory[]): Promise<void> =>
  writeFile(join(folder, FILE), `${JSON.stringify({ version: 1, trainings })}\n`);

/** What `writeHistory` wrote there. */
export async function readHistory(folder: string): Promise<readonly TrainingHistory[]> {
  return (JSON.parse(await readFile(join(folder, FILE), 'utf8')) as { trainings: TrainingHistory[] }).trainings;
}
