import { didYouMean } from './suggest.js';
import { quote } from './words.js';

/** What `${{ … }}` can name. */
export type Reference =
  | { readonly kind: 'output'; readonly step: string; readonly output: string }
  /** What the round before has made. */
  | { readonly kind: 'before'; readonly name: string }
  /** What the last round has made. */
  | { readonly kind: 'rounds'; readonly rounds: string; readonly output: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'matrix'; readonly key: string }
  | { readonly kind: 'env'; readonly name: string };

/** A text is a row of parts; `raw` and `nth` find a reference in the recipe's text again. */
export type Part =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reference'; readonly reference: Reference; readonly raw: string; readonly nth: number }
  | {
      readonly type: 'bad';
      readonly message: string;
      readonly hint: string;
      readonly raw: string;
      readonly nth: number;
    };

export type ReferencePart = Extract<Part, { type: 'reference' }>;

const ROOTS = ['steps', 'rounds', 'before', 'params', 'matrix', 'env'];
const FORMS =
  'A reference is steps.ID.outputs.NAME, params.NAME, matrix.KEY or env.NAME; with rounds, rounds.ID.outputs.NAME or before.NAME';
const NAME = /^[A-Za-z0-9_-]+$/;

/** Takes a text apart at its `${{ … }}`. Nothing is evaluated: an expression is a path of names or an error. */
export function parseTemplate(text: string): Part[] {
  const parts: Part[] = [];
  const seen = new Map<string, number>();
  let from = 0;
  for (let start = text.indexOf('${{'); start >= 0; start = text.indexOf('${{', from)) {
    if (start > from) parts.push({ type: 'text', text: text.slice(from, start) });
    const close = text.indexOf('}}', start);
    const end = close < 0 ? text.length : close + 2;
    const raw = text.slice(start, end);
    const nth = seen.get(raw) ?? 0;
    seen.set(raw, nth + 1);
    const parsed = close < 0 ? unclosed(raw) : parseExpression(raw.slice(3, -2).trim());
    parts.push(
      'kind' in parsed ? { type: 'reference', reference: parsed, raw, nth } : { type: 'bad', ...parsed, raw, nth },
    );
    from = end;
  }
  if (from < text.length || parts.length === 0) parts.push({ type: 'text', text: text.slice(from) });
  return parts;
}

/** The reference, if a text is exactly one. */
export function wholeReference(parts: readonly Part[]): ReferencePart | undefined {
  const [part] = parts;
  return parts.length === 1 && part?.type === 'reference' ? part : undefined;
}

interface BadExpression {
  readonly message: string;
  readonly hint: string;
}

const unclosed = (raw: string): BadExpression => ({ message: `${quote(raw)} has no closing "}}"`, hint: FORMS });

function parseExpression(expression: string): Reference | BadExpression {
  const names = expression.split('.');
  const [root = '', name = '', middle, output = ''] = names;
  if (expression === '') return { message: 'the reference is empty', hint: FORMS };
  if (!names.every((part) => NAME.test(part)))
    return { message: `${quote(expression)} is not a reference`, hint: FORMS };
  if (root === 'steps' || root === 'rounds') {
    if (names.length === 4 && middle === 'outputs')
      return root === 'steps' ? { kind: 'output', step: name, output } : { kind: 'rounds', rounds: name, output };
    const message = `${quote(expression)} does not name an output of ${root === 'steps' ? 'a step' : 'rounds'}`;
    return { message, hint: `Write ${root}.${name || 'ID'}.outputs.NAME` };
  }
  if (names.length === 2) {
    if (root === 'before') return { kind: 'before', name };
    if (root === 'params') return { kind: 'param', name };
    if (root === 'matrix') return { kind: 'matrix', key: name };
    if (root === 'env') return { kind: 'env', name };
  }
  const hint = ROOTS.includes(root) ? `Write ${root}.${root === 'matrix' ? 'KEY' : 'NAME'}` : didYouMean(root, ROOTS);
  return { message: `${quote(expression)} is not a reference`, hint: hint ?? FORMS };
}
