import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from '../util/failure.js';
import { SafetensorsFile } from '../util/safetensors.js';

const WHOLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/**
 * The files that hold a folder's weights: one, or several and their index.
 * @throws StepFailure if there are none
 */
export async function weightFiles(folder: string): Promise<{ readonly index: boolean; readonly files: string[] }> {
  const exists = (file: string): Promise<boolean> => stat(join(folder, file)).then(Boolean, () => false);
  if (await exists(WHOLE)) return { index: false, files: [WHOLE] };
  if (await exists(INDEX)) {
    const map = (JSON.parse(await readFile(join(folder, INDEX), 'utf8')) as { weight_map?: Record<string, string> })
      .weight_map;
    return { index: true, files: [...new Set(Object.values(map ?? {}))].sort() };
  }
  const hint = (await exists('pytorch_model.bin'))
    ? 'Its pytorch_model.bin is a pickle, which is not read: save the model with save_pretrained(..., safe_serialization=True).'
    : undefined;
  throw new StepFailure('no-weights', `${folder} has no ${WHOLE}`, hint);
}

/** Bytes of the weights on disk. */
export async function weightBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const file of (await weightFiles(folder)).files) bytes += (await stat(join(folder, file))).size;
  return bytes;
}

/** A folder's weights, read one tensor at a time. */
export class Weights {
  private constructor(private readonly place: ReadonlyMap<string, SafetensorsFile>) {}

  /** @throws StepFailure if there are none or a file is damaged */
  static async open(folder: string): Promise<Weights> {
    const place = new Map<string, SafetensorsFile>();
    const opened: SafetensorsFile[] = [];
    try {
      for (const name of (await weightFiles(folder)).files) {
        const file = await openFile(join(folder, name));
        opened.push(file);
        for (const tensor of file.names) place.set(tensor, file);
      }
    } catch (error) {
      for (const file of opened) await file.close();
      throw error;
    }
    return new Weights(place);
  }

  /** Undefined if there is no such tensor. */
  shape(name: string): readonly number[] | undefined {
    return this.place.get(name)?.shape(name);
  }

  /** Throws (a bug) if there is no such tensor. */
  read(name: string): Promise<Float32Array> {
    return (this.place.get(name) as SafetensorsFile).read(name);
  }

  async close(): Promise<void> {
    for (const file of new Set(this.place.values())) await file.close();
  }
}

async function openFile(path: string): Promise<SafetensorsFile> {
  try {
    return await SafetensorsFile.open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new StepFailure('no-weights', `the index of the weights names ${path}, which is not there`);
  }
}
