import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Random } from '../../src/util/random.js';
import { folder, recipe } from '../cli/recipe.js';

const text = readFileSync(new URL('../../docs/learning-curve.md', import.meta.url), 'utf8');
const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];

/** In letters: texts that differ in digits only count as the same. */
const word = (n: number): string => n.toString().replace(/\d/g, (digit) => 'kbcdfghjlm'[Number(digit)] as string);
const random = new Random(5, 'mails');

/** Texts that one word in nine tells apart, a tenth of them with the wrong label. */
const mails = Array.from({ length: 460 }, (_, i) => {
  const words = Array.from({ length: 8 }, () => word(1000 + random.below(900)));
  const sign = `${i % 2 ? 's' : 'h'}${word(random.below(60))}`;
  const label = (i % 2 === 1) === (i % 10 !== 3) ? 'spam' : 'ham';
  return JSON.stringify({ text: `${words.join(' ')} ${sign}`, label });
}).join('\n');

test('the recipe of docs/learning-curve.md runs, and plan says what it found', async () => {
  const cwd = folder({ 'mails.jsonl': mails, 'curve.yaml': yaml });
  const { code, out, err } = await recipe(cwd, ['run', 'curve.yaml', '--reporter', 'plain']);
  expect(code, err).toBe(0);
  expect(out).toContain('Learning curve');
  const report = JSON.parse(readFileSync(join(cwd, 'out/curve/curve/report.json'), 'utf8')) as Record<string, unknown>;
  const documented = text.slice(text.indexOf('## `report.json`')).matchAll(/^\| `(\w+)`/gm);
  expect([...[...documented].map(([, name]) => name), 'said'].sort()).toEqual(Object.keys(report).sort());
  const planned = await recipe(cwd, ['plan', 'curve.yaml']);
  expect(planned.out).toContain('done');
  expect(planned.out).toContain(report.said);
});
