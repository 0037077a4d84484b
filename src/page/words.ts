import { formatLoss } from '../ui/format.js';

/** `1,234`; numbers that are no whole ones with four significant digits; a dash for what is no number. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return Number.isInteger(value)
    ? value.toLocaleString('en-US').replace('-', '−')
    : formatLoss(value).replace('-', '−');
}

/** `macro_f1` → `macro F1`: names in files as people read them. */
export const plain = (name: string): string =>
  name
    .replaceAll('_', ' ')
    .replace(/\bf1\b/g, 'F1')
    .replace(/\bmrr\b/g, 'MRR')
    .replace(/\brouge l\b/g, 'Rouge-L')
    .replace(/\busd\b/g, 'US$');

/** At most so many characters, with `…` where something is missing. */
export const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** For an id in a page. */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
