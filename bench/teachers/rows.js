import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const FILLER =
  'the meeting on monday was moved to the large room so please bring the figures of the last quarter and tell everyone who has to come that lunch is at noon and that questions should be sent before the weekend '.repeat(
    2,
  );

/** So many texts of about 400 bytes, none like another, one JSON object a line. */
export async function writeRows(file, count) {
  const out = createWriteStream(file);
  for (let i = 0; i < count; i++) {
    const row = JSON.stringify({ text: `Mail ${i}: ${FILLER.slice(i % 50, 390)}` });
    if (!out.write(`${row}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
}
