import type { TruncationStrategy } from 'tokenizers';
import { StepFailure } from '../util/failure.js';
import { EncodedBatch } from './encoded-batch.js';

/** Texts that go to the native code at a time. */
const CHUNK = 256;

/**
 * Each text and its pair as tokens, by the package's own rule for pairs: `TextTokenizer.encodePairs`.
 * @param json of a tokenizer: it becomes one of its own, since how one cuts is a setting, and others may be using it
 */
export async function encodePairs(
  json: string,
  texts: readonly string[],
  pairs: readonly string[],
  maxLength: number,
): Promise<EncodedBatch> {
  const { Tokenizer } = await import('tokenizers');
  const tokenizer = Tokenizer.fromString(json);
  tokenizer.disablePadding();
  tokenizer.setTruncation(maxLength, { strategy: 'LongestFirst' as TruncationStrategy });
  const trial = await tokenizer.encode('a', 'a');
  if (!trial.getSpecialTokensMask().includes(1)) {
    const hint = 'Take a WordPiece tokenizer, or that of a BERT or a RoBERTa.';
    throw new StepFailure('no-pairs', 'the tokenizer sets nothing between two texts that it joins', hint);
  }
  const ids: number[][] = [];
  const seconds: number[] = [];
  for (let start = 0; start < texts.length; start += CHUNK) {
    // The package's `encodeBatch` takes single texts only.
    const chunk = texts.slice(start, start + CHUNK).map((text, i) => tokenizer.encode(text, pairs[start + i]));
    for (const encoding of await Promise.all(chunk)) {
      ids.push(encoding.getIds());
      const second = encoding.getTypeIds().indexOf(1);
      seconds.push(second < 0 ? encoding.getLength() : second);
    }
  }
  return EncodedBatch.of(ids, seconds);
}
