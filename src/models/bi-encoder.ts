import type { Backend } from '../backend/runner.js';
import type { Embedder } from './embedder.js';
import { loadEmbedder } from './embedders.js';
import type { Predictor } from './predictor.js';
import { recipeOf, type Similarity } from './sentence-encoder.js';
import { cosine, unitRows } from './similarity.js';

/**
 * A folder that compares vectors, ready to compare: its logits are 0 and scale · cosine + bias.
 * @param from folder of the encoder, where it is another
 */
export async function loadBiEncoder(
  folder: string,
  backend: Backend,
  threads: number,
  from: string = folder,
): Promise<Predictor> {
  const { type, labels, similarity } = await recipeOf(folder);
  const { scale, bias } = similarity as Similarity;
  const encoder = await loadEmbedder(from, backend, threads);
  return {
    type,
    labels,
    parameters: encoder.parameters,
    bytes: encoder.bytes,
    pairs: true,
    similarity: { scale, bias },
    async predict(texts, pairs = []) {
      const cosines = await cosinesOf(encoder, texts, pairs);
      return Float32Array.from({ length: 2 * texts.length }, (_, i) =>
        i % 2 === 0 ? 0 : scale * (cosines[(i - 1) / 2] as number) + bias,
      );
    },
    close: () => encoder.close(),
  };
}

/** The cosine of each text and its pair: [texts]. Every different text is embedded once. */
export async function cosinesOf(
  encoder: Embedder,
  texts: readonly string[],
  pairs: readonly string[],
): Promise<Float32Array> {
  const all = [...new Set([...texts, ...pairs])];
  const place = new Map(all.map((text, i) => [text, i]));
  const vectors = unitRows(await encoder.embed(all), encoder.width);
  return Float32Array.from(texts, (text, i) =>
    cosine(vectors, encoder.width, place.get(text) as number, place.get(pairs[i] as string) as number),
  );
}
