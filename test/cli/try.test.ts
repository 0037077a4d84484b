import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { blockOf, lineOf } from '../../src/cli/try-lines.js';
import { BIN, folder, type Outcome, ROWS, recipe, TINY } from './recipe.js';

const TEXTS = 'cheap pills\nmeeting on friday\n';

async function tried(cwd: string, args: readonly string[], stdin: string): Promise<Outcome> {
  const child = spawn(process.execPath, [BIN, 'try', ...args], { cwd });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.end(stdin);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out, err };
}

describe('recipe try', () => {
  const cwd = folder({ 'rows.jsonl': ROWS, 'tiny.yaml': TINY });
  let run = '';
  beforeAll(async () => {
    const { code, err } = await recipe(cwd, ['run', 'tiny.yaml', '--reporter', 'plain']);
    expect(code, err).toBe(0);
    [run] = readdirSync(join(cwd, '.recipe/runs')) as [string];
  });

  test('answers a line with a line, beside the teacher', async () => {
    const { code, out, err } = await tried(cwd, ['out/tiny/model/model[seed=1]', '--teacher', 'model[seed=2]'], TEXTS);
    expect(code, err).toBe(0);
    expect(err).toBe('');
    expect(out).toMatch(/^spam\t0\.\d{4}\tspam\t0\.\d{4}\nham\t0\.\d{4}\tham\t0\.\d{4}\n$/);
  });

  test('--json says all, of a step of a run', async () => {
    const { code, out, err } = await tried(cwd, [`${run}:model[seed=1].model`, '--json'], TEXTS);
    expect(code, err).toBe(0);
    const [first, second] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).toEqual({
      text: 'cheap pills',
      answer: {
        kind: 'label',
        label: 'spam',
        probabilities: { ham: expect.any(Number), spam: expect.any(Number) },
        ms: expect.any(Number),
      },
    });
    expect(second.answer.label).toBe('ham');
  });

  test.each([
    ['model', /"model" is several models of run \S+: name one of model\[seed=1\]\.model, model\[seed=2\]\.model/],
    [
      'modle',
      /there is no folder .*modle, and no step "modle" that has made a model in run \S+\. Did you mean "model"\?/,
    ],
    ['out/none', /there is no folder .*none\n/],
    ['1:model', /there is no run "1" under \.recipe\/runs\. The last one is /],
    ['out/tiny', /holds no model that recipe has made/],
  ])('%s: one message', async (name, message) => {
    const { code, out, err } = await tried(cwd, [name], '');
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(message);
  });
});

describe('what a person sees', () => {
  const ofLabels = (ham: number): Parameters<typeof lineOf>[0] => ({
    kind: 'label',
    label: ham > 0.5 ? 'ham' : 'spam',
    probabilities: { ham, spam: 1 - ham },
  });

  test('bars, the likeliest first, beside the teacher’s', () => {
    expect(blockOf({ answer: ofLabels(0.25), ms: 1.5 }, { answer: ofLabels(0.5), ms: 150 }, 80)).toEqual([
      '           student                       teacher',
      '  spam     ███████████████░░░░░ 0.7500   ██████████░░░░░░░░░░ 0.5000',
      '  ham      █████░░░░░░░░░░░░░░░ 0.2500   ██████████░░░░░░░░░░ 0.5000',
      '  1.50 ms; the teacher 150 ms',
      '',
    ]);
  });

  test('words, scores, similarities and texts, which cannot move the cursor', () => {
    const words = [
      { word: 'Anna', tag: 'B-PER', probability: 0.9 },
      { word: 'ran', tag: 'O', probability: 0.9 },
      { word: 'far', tag: null, probability: null },
    ];
    expect(lineOf({ kind: 'tags', words })).toBe('Anna/B-PER ran far/–');
    expect(lineOf({ kind: 'similarity', cosine: 0.5, probability: 0.25 })).toBe('0.5000\t0.2500');
    expect(lineOf({ kind: 'text', text: 'a\nb\t"c\\"\u009b', tokens: 3 })).toBe('a\\nb\\t"c\\\\"\\u009b');
    const written = blockOf({ answer: { kind: 'text', text: '\u001b[2Ja\nb', tokens: 3 }, ms: 20 }, undefined, 80);
    expect(written).toEqual(['  a', '  b', '  20.0 ms', '']);
    const score = { answer: { kind: 'score', name: 'stars', score: 4.25 }, ms: 20 } as const;
    expect(blockOf(score, score, 80).slice(0, 2)).toEqual(['  student  stars 4.250', '  teacher  stars 4.250']);
  });
});
