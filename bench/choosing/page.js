import { spread } from '../results/page.js';
import { METHODS, SIZES, STUDENTS } from './cells.js';

const NAMES = { words: 'logistic regression on words', sentences: 'logistic regression on the encoder’s vectors' };
/** Macro-F1 at the left and the right end of a bar, and its width in characters. */
const [LEAST, MOST, WIDTH] = [0.7, 1, 60];

/** docs/COVERAGE.md of all cells: {seed, method, student, size, macroF1, accuracy, spam}. */
export function pageOf(cells, mails) {
  const seeds = [...new Set(cells.map(({ seed }) => seed))];
  return `# Chosen mails against random ones

Written by \`node bench/choosing/run.js\`. Of the training mails of recipes/few-labels.yaml, whose labels nobody knows, some are
chosen and labelled; a student learns from these alone and is judged on the test mails. Labels are the corpus's own, so a
teacher that is always right. Seeds ${seeds.join(', ')} draw splits and choices anew; a figure is macro-F1, the mean over the seeds
± the standard deviation of a sample. *Words*: mails are compared by TF-IDF and SVD; *encoder*: by the vectors of a sentence
encoder. *In rounds*: the first 50 are random, then at each size those of which the student of the size before is least sure.
${mails > 0 ? `\n**A try with ${mails} mails.**\n` : ''}
${STUDENTS.map((student) => sectionOf(cells, student)).join('\n')}`;
}

function sectionOf(cells, student) {
  const own = cells.filter((cell) => cell.student === student);
  const of = (method, size) =>
    own.filter((cell) => cell.method === method && cell.size === size).sort((a, b) => a.seed - b.seed);
  const ahead = ({ name }) => {
    const differences = SIZES.flatMap((size) => {
      const random = of('random', size);
      return of(name, size).flatMap((cell) => {
        const beside = random.find(({ seed }) => seed === cell.seed);
        return beside ? [cell.macroF1 - beside.macroF1] : [];
      });
    });
    return `${spread(differences, true)}, ahead in ${differences.filter((x) => x > 0).length} of ${differences.length}`;
  };
  const f1 = (method, size) => of(method, size).map(({ macroF1 }) => macroF1);
  return `## ${NAMES[student][0].toUpperCase()}${NAMES[student].slice(1)}

| chosen by | ${SIZES.map((size) => `${size} mails`).join(' | ')} | less random, all sizes and seeds |
| --- | ${SIZES.map(() => '---').join(' | ')} | --- |
${METHODS.map(({ name }) => `| ${name} | ${SIZES.map((size) => spread(f1(name, size))).join(' | ')} | ${name === 'random' ? '' : ahead({ name })} |`).join('\n')}

\`\`\`
macro-F1, from ${LEAST} to ${MOST}
${SIZES.map((size) => [`${size} mails`, ...METHODS.map(({ name }) => barOf(name, f1(name, size)))].join('\n')).join('\n')}
\`\`\`

Share of spam among the chosen mails, mean over the seeds:

| chosen by | ${SIZES.map((size) => `${size} mails`).join(' | ')} |
| --- | ${SIZES.map(() => '---').join(' | ')} |
${METHODS.map(({ name }) => `| ${name} | ${SIZES.map((size) => percentOf(of(name, size).map(({ spam }) => spam))).join(' | ')} |`).join('\n')}
`;
}

const meanOf = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
const percentOf = (values) => (values.length === 0 ? '–' : `${(100 * meanOf(values)).toFixed(0)} %`);

function barOf(name, values) {
  if (values.length === 0) return `  ${name}`;
  const mean = meanOf(values);
  const length = Math.round((WIDTH * (Math.min(Math.max(mean, LEAST), MOST) - LEAST)) / (MOST - LEAST));
  return `  ${name.padEnd(40)}${'█'.repeat(length).padEnd(WIDTH)} ${mean.toFixed(4)}`;
}
