import { type DataUse, PERMISSION } from '../../teachers/claims.js';
import type { Ancestry } from './ancestry.js';
import type { Facts } from './facts.js';
import { code, grouped, list, plain, section } from './markdown.js';
import type { Metrics } from './metrics.js';
import { weakSlices } from './slices.js';

/** Fewer test rows than this say little. */
const FEW = 500;

/** What the model is not for, as far as it is known without being told. @param said by the recipe */
export function limitsSection(
  facts: Facts,
  ancestry: Ancestry,
  metrics: Metrics | undefined,
  said: readonly string[],
): string {
  const { labels, maxLength, pairs, pipeline, exactness } = facts;
  const personal = ancestry.origin.claims.some(
    ({ topic, value }) => topic === PERMISSION && (value as unknown as DataUse).personal_data === true,
  );
  const limits = [
    ...said.map(plain),
    labels.length > 0
      ? `It gives every text one of ${labels.length} labels (${labels.map(code).join(', ')}), also one that none of them fits.`
      : undefined,
    maxLength === undefined
      ? undefined
      : `It reads the first ${grouped(maxLength)} tokens of a text and nothing after them.`,
    pairs
      ? 'It reads pairs of texts: give the tokenizer both, `tokenizer(text, { text_pair })` in JavaScript.'
      : undefined,
    pipeline === 'text-generation' ? 'What it writes may be wrong, and it does not know when it is.' : undefined,
    'It was trained and judged on texts of the sources above: of others nothing is known.',
    ancestry.teachers.length > 0 ? 'It has learnt its teacher’s mistakes with its knowledge.' : undefined,
    metrics === undefined
      ? 'It comes without figures of its quality.'
      : metrics.test.rows < FEW
        ? `Its figures are of ${metrics.test.rows} rows only.`
        : undefined,
    ...(metrics !== undefined && 'slices' in metrics ? weakSlices(metrics, ancestry.origin.model) : []),
    facts.trainedOn?.synthetic
      ? 'It was trained on synthetic texts, which are like those that a model writes, and less like those that people do.'
      : undefined,
    personal ? 'It was trained on personal data, parts of which it may give away.' : undefined,
    exactness.transformers.state === 'unsupported' ? 'transformers.js has no pipeline for it.' : undefined,
  ];
  return section('Limits', list(limits.filter((limit) => limit !== undefined)));
}
