import type { Backend } from '../../backend/runner.js';
import type { EmbedderFamily } from '../embedder.js';
import type { PredictorFamily } from '../predictor.js';
import { asEmbedder, asPredictor, type Imported, type TextGraph } from './imported.js';

type Open = (folder: string, backend: Backend, threads: number) => Promise<TextGraph>;

/** Graphs of others, by the format they come in; what runs each is loaded when one is. */
const formats: Readonly<Record<Imported['type'], Open>> = {
  onnx: async (...args) => (await import('./onnx.js')).openOnnx(...args),
  tfjs: async (...args) => (await import('./tfjs.js')).openTfjs(...args),
};

const types = Object.keys(formats) as Imported['type'][];

async function opened<T>(
  type: Imported['type'],
  as: (folder: string, graph: TextGraph) => T,
  ...[folder, backend, threads]: Parameters<Open>
): Promise<T> {
  const graph = await formats[type](folder, backend, threads);
  try {
    return as(folder, graph);
  } catch (error) {
    await graph.close();
    throw error;
  }
}

export const importedPredictors: readonly PredictorFamily[] = types.map((type) => ({
  type,
  load: (...args) => opened(type, asPredictor, ...args),
}));

export const importedEmbedders: readonly EmbedderFamily[] = types.map((type) => ({
  type,
  load: (...args) => opened(type, asEmbedder, ...args),
}));
