import { fnv1a, mix } from '../../util/hash.js';
import { eachText, type Filter, percent } from './filter.js';

export interface BoilerplateFilter {
  readonly type: 'boilerplate';
  /** A line is boilerplate if at least this share of the rows has it, and at least `FEWEST` of them. */
  readonly rows: number;
  /** Largest share of a text's characters in such lines. */
  readonly max_share: number;
}

/** A line that fewer rows share may be a coincidence. */
const FEWEST = 3;
/** Counters of lines, as a Count-Min sketch of depth 2 (Cormode & Muthukrishnan 2005): 32 MB, however many there are. */
const WIDTH = 2 ** 22;

/** Takes texts that are mostly made of lines that many rows share: signatures, footers, terms. */
export const boilerplate: Filter<BoilerplateFilter> = {
  type: 'boilerplate',
  async *judge(texts, { rows, max_share }, _seed, report) {
    const counts = [new Uint32Array(WIDTH), new Uint32Array(WIDTH)] as const;
    yield* eachText(texts, 'counting lines', report, (text) => {
      for (const line of new Set(linesOf(text))) {
        for (const [i, row] of counts.entries()) {
          const at = place(line, i);
          row[at] = (row[at] as number) + 1;
        }
      }
      return undefined;
    });
    const most = Math.max(FEWEST, Math.ceil(rows * texts.count));
    const shared = (line: string): boolean => counts.every((row, i) => (row[place(line, i)] as number) >= most);
    yield* eachText(texts, 'boilerplate', report, (text) => {
      const lines = linesOf(text);
      const all = lines.reduce((sum, line) => sum + line.length, 0);
      const common = lines.filter(shared).reduce((sum, line) => sum + line.length, 0);
      if (common <= max_share * all) return undefined;
      return `${percent(common / all)} of it is in lines that at least ${most} rows have`;
    });
  },
};

const place = (line: string, row: number): number => mix(fnv1a(row === 0 ? line : `\0${line}`)) % WIDTH;

/** Lines that say something, in lower case and digits alike: numbers and dates tell copies apart, not texts. */
function linesOf(text: string): string[] {
  return text
    .toLowerCase()
    .replace(/\p{N}/gu, '0')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
