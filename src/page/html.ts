/** A piece of HTML or SVG that is safe to put into a page. */
export class Html {
  constructor(readonly text: string) {}
}

/** What may stand in a template; whatever is no `Html` is text and is escaped. */
export type Part = Html | string | number | undefined | null | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for anywhere in HTML: between tags and in quoted attributes. Characters that HTML may not hold are left out. */
export const escaped = (text: string): string =>
  text
    .replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
    .replace(/(?![\n\t])\p{Cc}|[\uFDD0-\uFDEF\uFFFE\uFFFF]/gu, '');

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  if (part === undefined || part === null || part === false) return '';
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return part.map(textOf).join('');
}

/** HTML with the values in it escaped; lists are put one behind the other. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.reduce((so, string, i) => so + textOf(parts[i - 1]) + string));
