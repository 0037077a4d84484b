import type { HostTensors, Runner, TensorFunction } from '../backend/runner.js';
import type { TransformerConfig } from '../models/architecture.js';
import { padTokens } from '../models/padding.js';

/** Texts of one pass. */
export const BATCH = 32;

/** Rows that a pass is padded to. One alone is computed by other routines, which round in another way. */
const SIZES = [1, 8, BATCH];
/** Padded tokens of a pass, at most: a model that reads long texts would else take all memory. */
const TOKENS = BATCH * 512;

export interface Pass {
  /** Texts by number. */
  readonly texts: readonly number[];
  readonly rows: number;
  readonly length: number;
}

/**
 * The passes in which texts are computed: one, unless they are very long. Shapes are few, so that all of them stay
 * compiled (a runner keeps ten): a text alone is padded to a power of two, which costs little time; several to 128 or
 * four times that.
 *
 * @param lengths tokens of each text
 * @param maxLength of the model
 * @param reproducible no text is computed alone, so that what is said of it depends on no other, to the bit
 */
export function planPasses(lengths: readonly number[], maxLength: number, reproducible: boolean): Pass[] {
  const sizes = reproducible ? SIZES.slice(1) : SIZES;
  const order = lengths.map((_, text) => text).sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
  const passes: Pass[] = [];
  for (let start = 0; start < order.length; ) {
    const longest = lengths[order[start] as number] as number;
    const fits = (rows: number): boolean => rows * paddedLength(longest, rows, maxLength) <= TOKENS;
    const possible = sizes.filter((rows) => rows === sizes[0] || fits(rows));
    const left = order.length - start;
    const rows = possible.find((size) => size >= left) ?? (possible.at(-1) as number);
    passes.push({ texts: order.slice(start, start + rows), rows, length: paddedLength(longest, rows, maxLength) });
    start += rows;
  }
  return passes;
}

function paddedLength(longest: number, rows: number, maxLength: number): number {
  const [least, factor] = rows === 1 ? [32, 2] : [128, 4];
  let length = least;
  while (length < longest) length *= factor;
  return Math.min(length, maxLength);
}

/**
 * Rows of an output of each text.
 *
 * @param fn of `ids` and `mask`, as `padTokens` gives them; its output is [rows, width]
 * @param texts tokens of each text, at most the model's `maxLength`
 * @returns an array of `width` numbers for each text
 */
export async function computeTexts(
  runner: Runner,
  fn: TensorFunction,
  output: { readonly name: string; readonly width: number },
  model: { readonly config: TransformerConfig; readonly parameters: HostTensors },
  texts: readonly Int32Array[],
  reproducible: boolean,
): Promise<Float32Array[]> {
  const { config, parameters } = model;
  const found: Float32Array[] = [];
  const lengths = texts.map(({ length }) => length);
  for (const pass of planPasses(lengths, config.maxLength, reproducible)) {
    const batch = padTokens(
      pass.texts.map((text) => texts[text] as Int32Array),
      pass.rows,
      pass.length,
      config.padId,
    );
    const outputs = await runner.forward(fn, parameters, batch);
    const all = outputs[output.name] as Float32Array;
    pass.texts.forEach((text, row) => {
      found[text] = all.slice(row * output.width, (row + 1) * output.width);
    });
  }
  return found;
}
