import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadRegistry } from '../../src/cli/registry.js';
import { folder, recipe } from '../cli/recipe.js';
import { Live } from '../e2e/live.js';
import { texts } from '../e2e/small.js';
import { RecipeRig } from '../engine/fixtures/recipe-rig.js';
import { digests } from '../steps/context.js';

const text = readFileSync(new URL('../../docs/multitask.md', import.meta.url), 'utf8');
const [, yaml = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];

/** The page's recipe, and what it reads: mails, and their words with a tag for those that stand in many. */
function page(): string {
  const here = folder({ 'page.yaml': yaml });
  const mails = texts(150);
  const sentences = mails
    .trim()
    .split('\n')
    .slice(0, 90)
    .map((line) => {
      const words = (JSON.parse(line) as { text: string }).text.split(' ');
      return `${JSON.stringify({ words, tags: words.map((word) => (word.length > 4 ? 'long' : 'short')) })}\n`;
    });
  writeFileSync(join(here, 'mails.jsonl'), mails);
  writeFileSync(join(here, 'sentences.jsonl'), sentences.join(''));
  return here;
}

test('the recipe of docs/multitask.md, killed while it trains, ends with the same bytes', {
  timeout: 240_000,
}, async () => {
  const calm = page();
  const ran = await recipe(calm, ['run', 'page.yaml', '--threads', '1']);
  expect(ran.code, ran.err).toBe(0);
  const here = page();
  for (const [attempt, calls] of [
    ['run', 3],
    ['resume', 40],
  ] as const) {
    const moment = { in: 'worker', step: 'student', event: 'step-checkpoint', count: 6, calls: [calls] } as const;
    const live = Live.fixture(here, [attempt, 'page.yaml'], moment);
    expect(await live.held(1), live.err).toBe(true);
    live.signal('SIGKILL');
    live.killWorkers();
    live.goOn();
    await live.exit;
  }
  const last = Live.cli(here, ['resume']);
  expect(await last.exit, last.err).toBe(0);
  const first = last.events.find((event) => event.type === 'step-progress' && event.step === 'student');
  expect(first?.type === 'step-progress' && first.progress.done).toBeGreaterThan(10);
  for (const output of ['spam', 'tags']) {
    const wanted = await digests(join(calm, 'out/several-tasks', output));
    expect(Object.keys(wanted)).toContain('model.safetensors');
    expect(await digests(join(here, 'out/several-tasks', output)), output).toEqual(wanted);
  }
});

const rig = new RecipeRig(loadRegistry());
for (const name of ['mails.jsonl', 'sentences.jsonl']) rig.write('', name);
afterAll(() => rig.remove());

test.each([
  ['data: ${{ steps.mails.outputs.train }}\n          v', 'v', 'needs the option "data"'],
  ['data: ${{ steps.mails.outputs.train }}\n          v', 'data: 1\n          v', 'must be an output of a step, not 1'],
  [
    'teacher: ${{ steps.answers.outputs.logits }}',
    'teacher: ${{ steps.answer.outputs.logits }}',
    'unknown step "answer". Did you mean "answers"?',
  ],
  [
    'teacher: ${{ steps.answers.outputs.logits }}',
    'teacher: ${{ steps.tokenizer.outputs.tokenizer }}',
    'but input "tasks[0].teacher" of step "student" takes a logits or a model',
  ],
  ['name: tags', 'name: spam', 'tasks 1 and 2 are both called "spam"'],
  ['name: tags', 'name: Tags', 'must be a name of small letters'],
  ['task: tagging', 'task: tagger', 'must be one of "classification", "pair-classification", "tagging"'],
  ['tags: ${{ steps.student.outputs.tags }}', 'tags: ${{ steps.student.outputs.tag }}', 'Did you mean "tags"?'],
  ['[hard-label]\n          weight', '[masked-lm]\n          weight', 'makes no sense for task "tagging"'],
  ['sampling: { temperature: 2 }', 'sampling: { temperature: 0 }', 'temperature'],
  ['      tasks:\n', '      data: ${{ steps.mails.outputs.train }}\n      tasks:\n', 'unknown option "data"'],
  [
    '- name: tags',
    '- ${{ params.task }}\n        - name: tags',
    'option "tasks[1]" names inputs, so it is written out here',
  ],
  ['      tasks:\n', '      tasks: ${{ params.tasks }}\n      task:\n', 'option "tasks" names inputs'],
])('what is wrong is told with its line: %s → %s', async (from, to, message) => {
  expect(yaml).toContain(from);
  const told = await rig.errors(yaml.replace(from, () => to));
  expect(told).toMatch(/^recipe\.yaml:\d+:\d+ error: /);
  expect(told).toContain(message);
});
