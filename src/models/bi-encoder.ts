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
  const comparing =
    (by: Vectors): Predictor['predict'] =>
    async (texts, pairs = []) => {
      const cosines = await cosinesOf(by, texts, pairs);
      return Float32Array.from({ length: 2 * texts.length }, (_, i) =>
        i % 2 === 0 ? 0 : scale * (cosines[(i - 1) / 2] as number) + bias,
      );
    };
  return {
    type,
    labels,
    parameters: encoder.parameters,
    bytes: encoder.bytes,
    pairs: true,
    similarity: { scale, bias },
    predict: comparing(encoder),
    width: encoder.width,
    many() {
      const memory = remembering(encoder);
      return { predict: comparing(memory), embed: memory.embed };
    },
    close: () => encoder.close(),
  };
}

type Vectors = Pick<Embedder, 'width' | 'embed'>;

/** The cosine of each text and its pair: [texts]. Every different text is embedded once. */
export async function cosinesOf(
  encoder: Vectors,
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

/** Bytes of vectors that are kept. */
const KEPT = 256 * 2 ** 20;

/** An encoder that keeps the vectors of texts, those that were asked for last. */
export function remembering({ width, embed }: Vectors): Vectors {
  const most = Math.floor(KEPT / (4 * width));
  const known = new Map<string, Float32Array>();
  return {
    width,
    async embed(texts) {
      const fresh = [...new Set(texts)].filter((text) => !known.has(text));
      const vectors = fresh.length === 0 ? new Float32Array(0) : await embed(fresh);
      const made = new Map(fresh.map((text, i) => [text, vectors.slice(i * width, (i + 1) * width)]));
      const all = new Float32Array(texts.length * width);
      texts.forEach((text, i) => {
        const vector = made.get(text) ?? (known.get(text) as Float32Array);
        all.set(vector, i * width);
        known.delete(text);
        known.set(text, vector);
      });
      for (const text of known.keys()) {
        if (known.size <= most) break;
        known.delete(text);
      }
      return all;
    },
  };
}
