import { pairOf } from '../data/pair.js';
import type { InputArtifact } from '../engine/step.js';
import { loadPredictor } from '../models/index.js';
import type { CacheLogitsOptions } from '../options/cache-logits.js';
import { StepFailure } from '../util/failure.js';
import { float16Bits } from '../util/float16.js';
import { checkFinite } from './finite.js';
import type { Teacher } from './teacher.js';

/** Rows of a shard. */
const ROWS = 1024;
/** Rows of a shard, where texts that come again in it are computed once. */
const MANY = 16 * ROWS;
/** Texts asked at a time. */
const BATCH = 256;

/**
 * Any classifier as a teacher: it is known by its answers alone.
 * @throws StepFailure if more than class logits is asked of it
 */
export async function predictorTeacher(
  { path, digest }: InputArtifact,
  options: CacheLogitsOptions,
  threads: number,
): Promise<Teacher> {
  const predictor = await loadPredictor(path, options.backend, threads);
  const { type, labels, similarity } = predictor;
  const asked = [
    ...(options.hidden_states.length > 0 ? ['hidden_states'] : []),
    ...(options.attention.length > 0 ? ['attention'] : []),
    ...(options.values.length > 0 ? ['values'] : []),
    ...(options.tokens ? ['tokens'] : []),
    ...(options.precision === 'int8' ? ['precision: int8'] : []),
  ];
  if (asked.length > 0) {
    await predictor.close();
    throw new StepFailure(
      'not-used',
      `a ${type} model is no transformer: of what it says only class logits can be kept, and no ${asked.join(', no ')}`,
      `Leave ${asked.length === 1 ? 'it' : 'them'} out.`,
    );
  }
  return {
    about: {
      teacher: { name: type, revision: digest, layers: 0, hidden: 0, heads: 0, ...(similarity && { similarity }) },
      labels,
      tokenizer: null,
      maxLength: null,
      hiddenStates: [],
      attention: [],
      ...(options.vectors && { vectors: predictor.width as number }),
      dtype: options.dtype,
      tokens: null,
      computed: { backend: options.backend, precision: options.precision },
    },
    shard: { rows: predictor.many ? MANY : ROWS, tokens: Number.POSITIVE_INFINITY },
    encode: undefined,
    prepare: async () => undefined,
    async say(texts, said) {
      const { predict, embed } = predictor.many?.() ?? { predict: predictor.predict, embed: undefined };
      const kept = (numbers: Float32Array) => (options.dtype === 'float16' ? float16Bits(numbers) : numbers);
      const rows = [];
      for (let start = 0; start < texts.length; start += BATCH) {
        const some = texts.slice(start, start + BATCH);
        const answers = await predict(
          some.map(({ text }) => text),
          predictor.pairs && some.map(pairOf),
        );
        const both =
          options.vectors && embed ? await embed(some.flatMap((each) => [each.text, pairOf(each)])) : undefined;
        const width = (both?.length ?? 0) / some.length;
        for (const [i, { id }] of some.entries()) {
          const logits = kept(answers.slice(i * labels.length, (i + 1) * labels.length));
          checkFinite('logits', id, logits);
          const vectors = both && kept(both.slice(i * width, (i + 1) * width));
          if (vectors) checkFinite('vectors', id, vectors);
          rows.push({ logits, ...(vectors && { vectors }) });
        }
        await said(rows.length);
      }
      return rows;
    },
    close: () => predictor.close(),
  };
}
