import { StepFailure } from '../../util/failure.js';
import { nameOf } from './name-of.js';
import { type RecordFields, recordItem } from './record.js';
import { badRow, itemOr, type Source } from './source.js';
import { linesOf, openText } from './text-file.js';

export interface JsonlSource extends RecordFields {
  readonly type: 'jsonl';
  /** Absolute. */
  readonly path: string;
  readonly encoding?: string;
}

/** A file of JSON objects, one a line; blank lines are passed over. */
export const jsonl: Source<JsonlSource> = {
  type: 'jsonl',
  async *read(options, report, keys) {
    const file = await openText(options.path, options.encoding);
    let rows = 0;
    for await (const line of linesOf(file)) {
      if ('unreadable' in line) {
        yield line;
      } else {
        if (line.text.trim() === '') continue;
        const where = `${file.path}:${line.number}`;
        const read = () => recordItem(parse(line.text, where), where, options, keys);
        yield itemOr(read, file.path, file.name, line.number, line.text);
      }
      if (++rows % 256 === 0) {
        await report.progress({ done: file.done(), total: file.size, unit: 'KiB', phase: 'reading' });
      }
    }
    if (rows === 0) throw new StepFailure('empty-file', `${file.path}: the file has no rows`, undefined, '/source');
  },
};

function parse(line: string, where: string): Map<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw badRow(where, 'not valid JSON', 'Each line has to be one JSON object.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRow(where, `expected a JSON object, got ${nameOf(value)}`);
  }
  return new Map<string, unknown>(Object.entries(value));
}
