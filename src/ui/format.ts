import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import { mean } from '../util/numbers.js';

/** `4.2 s`, `42 s`, `3m 05s`, `2h 07m`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const pad = (n: number): string => String(n).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`;
}

/** Units a second, or a minute when slow: `12.3/s`, `420/s`, `18/min`. */
export function formatRate(perSecond: number): string {
  if (perSecond >= 99.95) return `${Math.round(perSecond)}/s`;
  if (perSecond >= 0.995) return `${perSecond.toFixed(1)}/s`;
  return `${(perSecond * 60).toFixed(perSecond < 0.1 ? 1 : 0)}/min`;
}

/** US dollars; small amounts to a hundredth of a cent. */
export function formatCost(usd: number): string {
  return `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`;
}

/** `$0.12 of about $3.40` */
export function formatSpent(cost: number, inAll: number | undefined): string {
  return inAll === undefined ? formatCost(cost) : `${formatCost(cost)} of about ${formatCost(inAll)}`;
}

/** Four significant digits: `0.4312`, `12.34`, `1.2e-5`. */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss);
  const size = Math.abs(loss);
  if (size >= 1e4 || (size > 0 && size < 1e-3)) return loss.toExponential(1);
  return loss.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
}

/** 0 … 1, however odd the report. */
export function fraction(done: number, total: number): number {
  return total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
}

/** One line without escape sequences or control characters: what a step says cannot move the cursor. */
export function clean(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

const segmenter = new Intl.Segmenter();

/** Cut to at most `width` terminal columns, with `…` where something is missing. */
export function truncate(text: string, width: number): string {
  if (width <= 0) return '';
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const { segment } of segmenter.segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Like `truncate`, but keeps the end as well: `stud…seed=12]` tells instances of a matrix apart. */
export function truncateMiddle(text: string, width: number): string {
  const characters = [...segmenter.segment(text)].map(({ segment }) => segment);
  if (stringWidth(text) <= width || width < 6) return truncate(text, width);
  let tail = '';
  for (let i = characters.length - 1; i >= 0; i--) {
    const longer = `${characters[i]}${tail}`;
    if (stringWidth(longer) > Math.floor((width * 2) / 3)) break;
    tail = longer;
  }
  return truncate(text, width - stringWidth(tail)) + tail;
}

/** Filled with spaces to `width` terminal columns. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return align === 'left' ? text + space : space + text;
}

/** Broken into lines of at most `width` columns, the first after one indent, the others after another. */
export function wrap(text: string, width: number, first = '', rest = first): string[] {
  if (!Number.isFinite(width)) return [first + text];
  const room = Math.max(8, width - Math.max(first.length, rest.length));
  return wrapAnsi(text, room, { hard: true })
    .split('\n')
    .map((line, i) => (i === 0 ? first : rest) + line);
}

/** `████░░░░`, eighths of a cell exact. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(share * width * 8);
  const full = Math.floor(eighths / 8);
  const part = '▏▎▍▌▋▊▉'[(eighths % 8) - 1] ?? '';
  return '█'.repeat(full) + part + '░'.repeat(width - full - part.length);
}

/** The values as blocks of eight heights, lowest to highest, averaged down to at most `width` of them. */
export function sparkline(values: readonly number[], width: number): string {
  const count = Math.min(width, values.length);
  const points = Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * values.length) / count);
    return mean(values.slice(from, Math.floor(((i + 1) * values.length) / count)));
  });
  const low = Math.min(...points);
  const span = Math.max(...points) - low;
  return points.map((value) => '▁▂▃▄▅▆▇█'[span > 0 ? Math.round(((value - low) / span) * 7) : 0]).join('');
}
