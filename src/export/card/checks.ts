import { EXACT, SHORT } from '../folder.js';
import { MAY_LOSE, type Shortness } from '../short.js';
import type { Facts } from './facts.js';
import { code, figure, grouped, list, percent, plain, section, table } from './markdown.js';

/** What was found out about the files when they had been written. */
export function checksSection({ exactness, short, files }: Facts): string {
  const { rows, difference, transformers } = exactness;
  const lines = [
    `${code(EXACT)} in ONNX Runtime: logits of ${rows} rows at most ${difference.toExponential(1)} from the model’s.`,
  ];
  if (transformers.state === 'found') {
    const { version, otherTokens, cut, alike } = transformers;
    lines.push(
      `The folder in transformers.js ${version}: logits at most ${transformers.difference.toExponential(1)} from the model’s${
        alike.asked > 0 ? `; the same answer to ${alike.same} of ${alike.asked} texts` : ''
      }.`,
    );
    if (cut.rows > 0) {
      const answers = cut.asked > 0 ? ` (the same answer to ${cut.same} of them)` : '';
      lines.push(
        `${cut.rows} of the ${rows} texts are longer than the model reads: transformers.js drops the last special token with their end${answers}, Python’s transformers keeps it.`,
      );
    }
    if (otherTokens > 0) lines.push(`transformers.js reads ${otherTokens} of the ${rows} texts as other tokens.`);
  } else {
    lines.push(
      transformers.state === 'absent'
        ? 'transformers.js was not installed where this was made, so it was checked with ONNX Runtime alone.'
        : `transformers.js ${plain(transformers.message)}; checked with ONNX Runtime alone.`,
    );
  }
  if (short !== undefined) lines.push(shortLine(short));
  const sizes = Object.entries(files).map(([path, bytes]) => [code(path), grouped(bytes)]);
  return section('Checks', list(lines), table(['file', 'bytes'], sizes, [1]));
}

const LIKENESS: Readonly<Record<Exclude<Shortness['metric'], 'accuracy' | 'masked accuracy'>, string>> = {
  'same label': 'share of texts with the same label as in float32',
  'same decisions': 'share of labels decided as in float32',
  'same token labels': 'share of tokens labelled as in float32',
  'same next tokens': 'share of tokens after which the likeliest is that of float32',
  cosine: 'mean cosine to the embeddings in float32',
  correlation: 'correlation of its scores with those in float32',
};

function shortLine({ found, kept }: NonNullable<Facts['short']>): string {
  const { metric, exact, short, rows } = found;
  const figures =
    metric === 'accuracy' || metric === 'masked accuracy'
      ? `${metric} ${figure(short)}, in float32 ${figure(exact)}, on ${grouped(rows)} rows ${metric === 'accuracy' ? 'with labels' : 'in which 15 % of the tokens were hidden'}`
      : `${LIKENESS[metric]} ${figure(short)}, on ${grouped(rows)} rows`;
  return kept
    ? `${code(SHORT)} (8-bit integers, scales of what is multiplied worked out in each run): ${figures}.`
    : `A graph in 8-bit integers is left out: ${figures}; at most ${percent(MAY_LOSE)} may be lost.`;
}
