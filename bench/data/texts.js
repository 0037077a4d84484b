// A JSONL file of texts to clean and split: words by Zipf's law, a tenth of the rows nearly a copy of an earlier one.
//
//     node bench/data/texts.js FILE ROWS [WORDS]
import { closeSync, openSync, writeSync } from 'node:fs';
import { Random } from '../../dist/util/random.js';

const VOCABULARY = 50_000;
const COPIES = 0.1;
const KEPT = 5000;

/**
 * @param {string} file
 * @param {number} rows
 * @param {number} mean words of a text
 */
export function writeTexts(file, rows, mean) {
  const random = new Random(7, 'bench/texts');
  // The n-th word of V is drawn with a probability of about 1 / (n ln V).
  const word = () => `w${Math.floor(VOCABULARY ** random.uniform()).toString(36)}`;
  const earlier = [];
  const out = openSync(file, 'w');
  let pending = [];
  for (let i = 0; i < rows; i++) {
    let words;
    if (earlier.length > 100 && random.uniform() < COPIES) {
      words = [...earlier[random.below(earlier.length)]];
      words[random.below(words.length)] = word();
    } else {
      words = Array.from({ length: mean / 2 + random.below(mean) }, word);
      if (earlier.length < KEPT) earlier.push(words);
      else earlier[random.below(KEPT)] = words;
    }
    pending.push(JSON.stringify({ text: words.join(' '), label: `l${random.below(4)}` }));
    if (pending.length === 10_000 || i === rows - 1) {
      writeSync(out, `${pending.join('\n')}\n`);
      pending = [];
    }
  }
  closeSync(out);
}

if (process.argv[1] === import.meta.filename) {
  const [file, rows, words = '20'] = process.argv.slice(2);
  writeTexts(file, Number(rows), Number(words));
}
