import { describe, expect, test } from 'vitest';
import { parseTemplate, wholeReference } from '../../src/engine/reference.js';
import { renderDiagnostics } from '../../src/engine/render-diagnostic.js';
import { closest } from '../../src/engine/suggest.js';

describe('references', () => {
  test('a text without any is one part', () => {
    expect(parseTemplate('a { b } $x')).toEqual([{ type: 'text', text: 'a { b } $x' }]);
    expect(parseTemplate('')).toEqual([{ type: 'text', text: '' }]);
  });

  test('each of the four kinds', () => {
    const parse = (text: string) => wholeReference(parseTemplate(text))?.reference;
    expect(parse('${{ steps.a-1.outputs.b_2 }}')).toEqual({ kind: 'output', step: 'a-1', output: 'b_2' });
    expect(parse('${{params.x}}')).toEqual({ kind: 'param', name: 'x' });
    expect(parse('${{ matrix.x }}')).toEqual({ kind: 'matrix', key: 'x' });
    expect(parse('${{ env.X }}')).toEqual({ kind: 'env', name: 'X' });
    expect(parse(' ${{ env.X }}')).toBeUndefined();
  });

  test('equal references in a text are told apart', () => {
    const parts = parseTemplate('${{ params.a }}-${{ params.a }}');
    expect(parts.map((part) => (part.type === 'reference' ? part.nth : part.type))).toEqual([0, 'text', 1]);
  });
});

test('suggestions', () => {
  const names = ['temperature', 'soft-label', 'train', 'epochs', 'data'];
  expect(closest('temprature', names)).toBe('temperature');
  expect(closest('softLabel', names)).toBe('soft-label');
  expect(closest('trian', names)).toBe('train');
  expect(closest('temp', names)).toBe('temperature');
  expect(closest('nothing', names)).toBeUndefined();
  expect(closest('x', names)).toBeUndefined();
});

describe('rendering', () => {
  const at = { severity: 'error', code: 'x', message: 'bad', file: 'r.yaml', line: 1, length: 2 } as const;

  test('carets stand below what they mean behind tabs and wide characters', () => {
    const sources = new Map([['r.yaml', 'a\t日本: 文字x']]);
    expect(renderDiagnostics([{ ...at, column: 7 }], sources)).toBe(
      'r.yaml:1:7 error: bad\n  |\n1 | a\t日本: 文字x\n  |  \t      ^^^^',
    );
  });

  test('long lines are cut, control characters are made visible', () => {
    const long = `${'a'.repeat(500)}XY\u001b[31m${'b'.repeat(500)}`;
    const [, , line = '', carets = ''] = renderDiagnostics([{ ...at, column: 501 }], new Map([['r.yaml', long]])).split(
      '\n',
    );
    expect(line.length).toBeLessThan(170);
    expect(line.slice(carets.indexOf('^'), carets.indexOf('^') + 3)).toBe('XY␛');
  });

  test('colour', () => {
    expect(renderDiagnostics([{ ...at, column: 1, hint: 'Go' }], new Map(), { color: true })).toBe(
      '\u001b[1mr.yaml:1:1\u001b[0m \u001b[1;31merror:\u001b[0m bad. Go',
    );
  });
});
