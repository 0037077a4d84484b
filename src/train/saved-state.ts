import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors, writeSafetensors } from '../util/safetensors.js';
import type { AdamW } from './optimizer.js';

/** Where a training run stands; with the recipe it says everything: batches and dropout follow from the counters. */
export interface Position {
  readonly stage: number;
  /** Updates done in that stage. */
  readonly update: number;
}

interface StateFile extends Position {
  /** How many updates each parameter has had. */
  readonly updates: Readonly<Record<string, number>>;
}

const STATE = 'state.json';
const PARAMETERS = 'parameters.safetensors';
const MOMENTS = 'moments.safetensors';

const float32 = (tensors: AdamW['parameters']) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [name, { dtype: 'F32' as const, shape, data }]),
  );

/** Writes model, optimiser and position into a checkpoint's folder. */
export async function saveState(folder: string, position: Position, optimizer: AdamW): Promise<void> {
  const { tensors, updates } = optimizer.state();
  await writeSafetensors(join(folder, PARAMETERS), float32(optimizer.parameters));
  await writeSafetensors(join(folder, MOMENTS), float32(tensors));
  const state: StateFile = { ...position, updates };
  await writeFile(join(folder, STATE), JSON.stringify(state));
}

export interface SavedState {
  readonly position: Position;
  /** Puts the saved numbers into an optimiser made for the same parameters. */
  restore(optimizer: AdamW): void;
}

export async function readState(folder: string): Promise<SavedState> {
  const { stage, update, updates } = JSON.parse(await readFile(join(folder, STATE), 'utf8')) as StateFile;
  const read = async (file: string): Promise<Record<string, Float32Array>> => {
    const { tensors } = await readSafetensors(join(folder, file));
    return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
  };
  const [parameters, moments] = [await read(PARAMETERS), await read(MOMENTS)];
  return { position: { stage, update }, restore: (optimizer) => optimizer.restore(parameters, moments, updates) };
}
