import { type Document, type Scalar, visit } from 'yaml';
import type { Source } from './source.js';

export type Range = readonly [start: number, end: number];

/** Something wrong with the text itself, before it means anything. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly range: Range;
}

/**
 * The syntax errors worth showing. What follows the first is mostly its echo and left out; tabs are the exception,
 * since each is an error of its own.
 */
export function syntaxProblems(parsed: Document.Parsed, source: Source): Problem[] {
  const { errors, directives } = parsed;
  const [first] = errors;
  if (first) {
    const shown = first.code === 'TAB_AS_INDENT' ? errors.filter((e) => e.code === 'TAB_AS_INDENT') : [first];
    return shown.map((e) => explain(e.code, e.message, [e.pos[0], e.pos[1]], source, parsed));
  }
  if (!directives?.yaml.explicit || directives.yaml.version === '1.2') return [];
  const start = source.text.indexOf('%YAML');
  const end = source.text.indexOf('\n', start);
  return [{ code: 'yaml-version', message: 'a recipe is YAML 1.2', hint: 'Remove this line', range: [start, end] }];
}

function explain(code: string, text: string, range: Range, source: Source, parsed: Document.Parsed): Problem {
  if (code === 'TAB_AS_INDENT')
    return { code: 'yaml-syntax', message: 'a tab cannot indent YAML', hint: 'Use spaces', range };
  if (code === 'MULTIPLE_DOCS') {
    const message = 'a file holds one recipe, but a second document begins here';
    return { code: 'several-documents', message, hint: 'Make two files of it', range: [range[0], range[0] + 3] };
  }
  if (code === 'RESOURCE_EXHAUSTION') return { code: 'too-deep', message: 'values are nested too deeply', range };
  const [start] = range;
  const open = code === 'MISSING_CHAR' && /quote/.test(text) ? openQuote(parsed, start) : undefined;
  if (open !== undefined)
    return { code: 'yaml-syntax', message: 'this quote is never closed', range: [open, open + 1] };
  if (source.text.slice(start - 1, start + 2) === '${{') {
    const message = 'inside { } and [ ] a reference needs quotes';
    return { code: 'yaml-syntax', message, hint: 'Write "${{ … }}"', range: [start - 1, start + 2] };
  }
  return { code: 'yaml-syntax', message: text.slice(0, 1).toLowerCase() + text.slice(1), range };
}

/** Where the quoted text begins that runs to `end` without a closing quote. */
function openQuote(parsed: Document.Parsed, end: number): number | undefined {
  let open: number | undefined;
  visit(parsed, {
    Scalar(_, { type, range }: Scalar) {
      if (!type?.startsWith('QUOTE') || !range || range[1] < end) return undefined;
      open = range[0];
      return visit.BREAK;
    },
  });
  return open;
}
