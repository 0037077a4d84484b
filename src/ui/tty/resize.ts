import stringWidth from 'string-width';
import { type Line, lineText } from './layout.js';

/**
 * How many more rows a frame takes after the terminal has become `columns` wide: terminals break the lines they
 * already show. Ink erases as many rows as it wrote; these have to go as well.
 */
export function rowsLost(frame: readonly Line[], columns: number): number {
  if (columns <= 0) return 0;
  return frame.reduce((sum, line) => sum + Math.max(0, Math.ceil(stringWidth(lineText(line)) / columns) - 1), 0);
}
