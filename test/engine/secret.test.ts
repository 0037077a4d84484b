import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { planOf, Rig } from './rig.js';

/** With a quote, a slash and a space, so that its forms in JSON and in addresses differ from it. */
const SECRET = 'sk-"Zebra/7 quartz';
const FORMS = ['Zebra', 'quartz', encodeURIComponent(SECRET), JSON.stringify(SECRET).slice(1, -1)];

function leaking(more: object) {
  const account = { token: `\${{ env.RECIPE_TEST_TOKEN }}` };
  const environment = [{ pointer: '/account/token', name: 'RECIPE_TEST_TOKEN' }];
  return planOf(
    { leak: { uses: 'leak', with: { account, ...more }, environment } },
    { all: ['leak.data', 'leak.said'] },
  );
}

function set(value: string | undefined): void {
  if (value === undefined) delete process.env.RECIPE_TEST_TOKEN;
  else process.env.RECIPE_TEST_TOKEN = value;
  onTestFinished(() => {
    delete process.env.RECIPE_TEST_TOKEN;
  });
}

test.each([{}, { fail: true }, { bug: true }])('no file and no event holds a secret: %o', async (more) => {
  set(SECRET);
  const rig = new Rig();
  const { events, result } = await rig.run(leaking(more));
  expect(result.status).toBe('fail' in more || 'bug' in more ? 'failed' : 'ok');
  const texts = [...rig.files().map((path) => `${path}\n${readFileSync(path, 'utf8')}`), JSON.stringify(events)];
  for (const text of texts) for (const form of FORMS) expect(text).not.toContain(form);
  // They did hold the rest, and the step had the value.
  expect(texts.some((text) => text.includes('stdout ***'))).toBe(true);
  expect(texts.some((text) => text.includes('stderr ***'))).toBe(true);
  expect(texts.some((text) => text.includes('log {'))).toBe(true);
  if (result.status === 'ok') expect(texts.some((text) => text.endsWith(`\n${SECRET.length}`))).toBe(true);
});

test('another value is no other fingerprint', async () => {
  const rig = new Rig();
  set('one-secret');
  await rig.run(leaking({}));
  set('other-secret');
  expect((await rig.run(leaking({}))).story).toEqual(['cached leak']);
});

test('a variable that is not set is told, and not retried', async () => {
  set(undefined);
  const rig = new Rig();
  const plan = leaking({});
  const { events } = await rig.run({ ...plan, instances: plan.instances.map((step) => ({ ...step, retry: 2 })) });
  expect(events.filter(({ type }) => type === 'step-failed')).toMatchObject([
    {
      reason: 'missing-environment',
      message: 'the environment variable RECIPE_TEST_TOKEN is not set',
      hint: 'Set it before you run the recipe: export RECIPE_TEST_TOKEN=…',
      willRetry: false,
    },
  ]);
});
