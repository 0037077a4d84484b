import { readFileSync } from 'node:fs';
import { number, percent } from '../numbers.js';

const NOTES = readFileSync(new URL('notes.md', import.meta.url), 'utf8');
const table = (head, rows) => {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
};

/** What was measured, as Markdown. @param {object} found what `run.js` gathered */
export function report({ command, date, facts, rows, rounds, latency, concurrency, capacity, peers, sides, sizes }) {
  const ideal = (1000 * concurrency) / latency;
  const { ours, distilabel, curator } = sides;
  const goal = (value, least, format) =>
    `**${format(value)}** (goal ${format(least)}: ${value >= least ? 'met' : 'missed'})`;
  const spread = (side, key) => {
    const rates = side.runs.map((run) => rows / run[key]);
    return `${number(rows / side[key])} (${number(Math.min(...rates))} to ${number(Math.max(...rates))})`;
  };
  const times = (key) =>
    Object.entries({ distilabel, curator })
      .filter(([, side]) => side !== undefined)
      .map(([name, side]) => `${name} ${goal(side[key] / ours[key], 2, (ratio) => ratio.toFixed(2))}`)
      .join(', ');
  return `# An LLM asked about every row

Written by \`${command}\`. ${date}.

${table(['', ''], Object.entries(facts))}

${number(rows)} rows of about 400 bytes, each asked about once, ${concurrency} at a time, of a server that answers after ${latency} ms with
one word. Ideal: ${number(ideal)} rows/s. Medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'} (least to most), every side once a round, each in an empty
folder and in processes of its own. ${peers === undefined ? 'The Python tools are not installed: `bash bench/teachers/install.sh` brings them.' : `${peers}.`}

${table(
  ['', 'rows/s while it asks', 'of the ideal', 'rows/s of the whole step', 'whole command, s', 'peak MiB'],
  Object.entries(sides).map(([name, side]) => {
    const share = rows / side.asking / ideal;
    const told = name.startsWith('ours') ? goal(share, 0.9, percent) : percent(share);
    return [name, spread(side, 'asking'), told, spread(side, 'seconds'), number(side.command), number(side.peakMiB)];
  }),
)}

${
  peers === undefined
    ? ''
    : `Ours is so many times as fast, while asking: ${times('asking')}; as a whole step: ${times('seconds')}; as a
whole command: ${times('command')}.

`
}${serverLine(sides, capacity)}

${sizes.length === 0 ? 'Memory was not measured.' : memoryTable(sizes)}

${NOTES}`;
}

function serverLine(sides, capacity) {
  const all = Object.values(sides);
  const from = (key) => {
    const values = all.map((side) => side[key]);
    return [Math.min(...values), Math.max(...values)];
  };
  const [fast, slow] = from('latency');
  const busiest = from('serverShare')[1];
  const most = Object.entries(sides).map(([name, { mostUnderWay }]) => `${name} ${mostUnderWay}`);
  return `The server is not what limits: without latency it gives ${number(capacity)} answers/s to the cheapest client there is. Here it
took ${number(fast)} to ${number(slow)} ms from a request to its answer and kept a core ${percent(busiest)} busy at most. Most requests it saw
at once: ${most.join(', ')}.`;
}

const memoryTable = (sizes) => `## Memory

The largest resident size of the step's process, which does nothing else: the rows were prepared in a run before. The
server answers at once, so this is also how fast the step is when it need not wait.

${table(
  ['rows', 'peak MiB', 'rows/s of the whole step'],
  sizes.map(({ rows, peakMiB, seconds }) => [number(rows), number(peakMiB), number(rows / seconds)]),
)}
`;
