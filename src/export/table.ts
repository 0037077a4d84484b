import type { Table } from '../engine/step.js';
import { formatBytes } from '../util/bytes.js';
import type { Facts } from './card/facts.js';

/** What was written, and how near it is to the model. */
export function factsTable({ files, exactness, short }: Facts): Table {
  const { difference, rows, transformers } = exactness;
  const notes = [`ONNX Runtime: at most ${difference.toExponential(1)} from the model’s logits on ${rows} rows.`];
  if (transformers.state === 'found') {
    const { version, alike, cut } = transformers;
    const [asked, same] = [alike.asked + cut.asked, alike.same + cut.same];
    const answers = asked > 0 ? `, ${same} of ${asked} texts answered alike` : '';
    notes.push(`transformers.js ${version}: at most ${transformers.difference.toExponential(1)}${answers}.`);
  }
  if (short !== undefined) {
    const { metric, exact, short: own, rows } = short.found;
    const state = short.kept ? '' : '; left out';
    notes.push(`8-bit integers: ${metric} ${own.toFixed(4)}, in float32 ${exact.toFixed(4)}, on ${rows} rows${state}.`);
  }
  return {
    title: 'Exported',
    columns: [
      { label: 'file', align: 'left' },
      { label: 'bytes', align: 'right' },
    ],
    rows: Object.entries(files).map(([file, bytes]) => [file, formatBytes(bytes)]),
    notes,
  };
}
