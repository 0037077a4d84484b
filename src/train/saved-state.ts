import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors, writeSafetensors } from '../util/safetensors.js';
import type { Average } from './average.js';
import type { Best, Progress } from './best.js';
import type { HistoryState } from './history.js';
import type { Optimizer } from './optimizer.js';

/** Where a training run stands; with the recipe it says everything: batches and dropout follow from the counters. */
export interface Position {
  readonly stage: number;
  /** Updates done in that stage. */
  readonly update: number;
}

interface StateFile extends Position, Progress {
  /** How many updates each parameter has had. */
  readonly updates: Readonly<Record<string, number>>;
  /** How many updates a teacher has followed the model. */
  readonly followed?: number;
}

const STATE = 'state.json';
const PARAMETERS = 'parameters.safetensors';
const MOMENTS = 'moments.safetensors';
const BEST = 'best.safetensors';
const AVERAGE = 'average.safetensors';
const HISTORY = 'history.json';

const float32 = (tensors: Optimizer['parameters']) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [name, { dtype: 'F32' as const, shape, data }]),
  );

/** Writes model, optimiser and position into a checkpoint's folder. */
export async function saveState(
  folder: string,
  position: Position,
  optimizer: Optimizer,
  best: Best | undefined,
  average?: Average,
  history?: HistoryState,
): Promise<void> {
  const { tensors, updates } = optimizer.state();
  await writeSafetensors(join(folder, PARAMETERS), float32(optimizer.parameters));
  await writeSafetensors(join(folder, MOMENTS), float32(tensors));
  if (best?.parameters) {
    const kept = Object.entries(best.parameters).map(([name, data]) => [
      name,
      { dtype: 'F32' as const, shape: [data.length], data },
    ]);
    await writeSafetensors(join(folder, BEST), Object.fromEntries(kept));
  }
  if (average) await writeSafetensors(join(folder, AVERAGE), float32(average.parameters));
  if (history) await writeFile(join(folder, HISTORY), JSON.stringify(history));
  const progress = best?.progress ?? { best: undefined, since: 0 };
  const state: StateFile = { ...position, ...progress, updates, ...(average && { followed: average.followed }) };
  await writeFile(join(folder, STATE), JSON.stringify(state));
}

export interface SavedState {
  readonly position: Position;
  /** The model's parameters and those of the stage's objectives. */
  readonly parameters: Readonly<Record<string, Float32Array>>;
  /** What the updates until then gave; undefined where that was not kept. */
  readonly history: HistoryState | undefined;
  /** Puts the saved numbers into an optimiser made for the same parameters, into what was best and what followed. */
  restore(optimizer: Optimizer, best: Best | undefined, average?: Average): void;
}

export async function readState(folder: string): Promise<SavedState> {
  const saved = JSON.parse(await readFile(join(folder, STATE), 'utf8')) as StateFile;
  const { stage, update, updates, best, since, followed } = saved;
  const read = async (file: string): Promise<Record<string, Float32Array>> => {
    const { tensors } = await readSafetensors(join(folder, file));
    return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
  };
  const [parameters, moments] = [await read(PARAMETERS), await read(MOMENTS)];
  const has = (file: string): Promise<boolean> => stat(join(folder, file)).then(Boolean, () => false);
  const kept = (await has(BEST)) ? await read(BEST) : undefined;
  const history = (await has(HISTORY))
    ? (JSON.parse(await readFile(join(folder, HISTORY), 'utf8')) as HistoryState)
    : undefined;
  const mean = followed === undefined ? undefined : await read(AVERAGE);
  return {
    position: { stage, update },
    parameters,
    history,
    restore(optimizer, into, average) {
      optimizer.restore(parameters, moments, updates);
      into?.restore({ best, since }, kept);
      if (mean && followed !== undefined) average?.restore(followed, mean);
    },
  };
}
