import { StepFailure } from '../../util/failure.js';
import type { Source } from './source.js';
import { linesOf, openText } from './text-file.js';

export interface TextSource {
  readonly type: 'text';
  /** Absolute. */
  readonly path: string;
  /** What a row is; a paragraph ends at a blank line. */
  readonly rows: 'line' | 'paragraph';
  readonly encoding?: string;
}

/** A file of plain text: each line or paragraph is a row without a label. */
export const text: Source<TextSource> = {
  type: 'text',
  async *read(options, report, keys) {
    const [key] = keys;
    if (key !== undefined) throw new StepFailure('no-field', `a text has no field "${key}"`, undefined, '/split');
    const file = await openText(options.path, options.encoding);
    let rows = 0;
    let paragraph: string[] = [];
    const take = (lines: readonly string[]) => {
      rows++;
      return { text: lines.join('\n'), label: null };
    };
    for await (const line of linesOf(file)) {
      if ('unreadable' in line) {
        rows++;
        yield line;
      } else if (line.text.trim() === '') {
        if (paragraph.length > 0) yield take(paragraph);
        paragraph = [];
      } else if (options.rows === 'line') {
        yield take([line.text]);
      } else {
        paragraph.push(line.text);
      }
      if (rows % 256 === 255) {
        await report.progress({ done: file.done(), total: file.size, unit: 'KiB', phase: 'reading' });
      }
    }
    if (paragraph.length > 0) yield take(paragraph);
    if (rows === 0) throw new StepFailure('empty-file', `${file.path}: the file has no rows`, undefined, '/source');
  },
};
