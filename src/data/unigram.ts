import { StepFailure } from '../util/failure.js';

/** A piece and the logarithm of its probability; special ones, which stand first, have 0. */
type ScoredPiece = readonly [piece: string, score: number];

/** Stands for a space in the pieces. */
const SPACE = '▁';

/**
 * `tokenizer.json` of a unigram vocabulary as TensorFlow.js's Universal Sentence Encoder has it: text in Unicode's NFKC
 * form, in its own case, `▁` for each space and before the first word, cut into the likeliest pieces (Kudo 2018,
 * arXiv:1804.10959); characters that no piece has are one unknown token, piece 0.
 *
 * Special pieces match no text, so they are given names with a space, which no normalised text has.
 *
 * @throws StepFailure if it is no such vocabulary
 */
export function unigramTokenizer(vocabulary: unknown, file: string): string {
  const fail = (what: string): StepFailure =>
    new StepFailure('corrupt-tokenizer', `${file} is no unigram vocabulary: ${what}`, 'It is [[piece, score], …].');
  if (!Array.isArray(vocabulary) || vocabulary.length === 0) throw fail('it is no list');
  const pieces = vocabulary.map((entry: unknown, id): ScoredPiece => {
    const [piece, score] = Array.isArray(entry) ? entry : [];
    // The encoder's own vocabulary has null for some pieces with a colon, and its own tokenizer adds that up as 0.
    if (typeof piece !== 'string' || !(typeof score === 'number' || score === null)) {
      throw fail(`entry ${id} is no piece with its score`);
    }
    return [piece, score ?? 0];
  });
  const special = pieces.findIndex(([, score]) => score !== 0);
  if (special < 1) throw fail('it has no piece of score 0, which stands for unknown characters, before the others');
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFKC' },
        { type: 'Prepend', prepend: SPACE },
        { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Metaspace', replacement: SPACE, prepend_scheme: 'always', split: false },
    model: {
      type: 'Unigram',
      unk_id: 0,
      vocab: pieces.map(([piece, score], id) => (id < special ? [` ${piece}`, score] : [piece, score])),
      byte_fallback: false,
    },
  });
}
