import { afterAll, describe, expect, test } from 'vitest';
import { RecipeRig } from './fixtures/recipe-rig.js';

const rig = new RecipeRig();
afterAll(() => rig.remove());

const out = (path: string) => `\${{ ${path} }}`;

/** A recipe whose steps run in rounds, with some lines of it replaced. */
function recipe(changes: Record<string, string> = {}): string {
  const lines: Record<string, string> = {
    count: `count: ${out('params.rounds')}`,
    first: `first: { model: "${out('steps.start.outputs.model')}" }`,
    student: `student: { uses: train, with: { data: "${out('steps.corpus.outputs.train')}", teacher: "${out('before.model')}", model: { type: bert, hidden: 8 }, note: "round ${out('matrix.round')}" } }`,
    check: `check: { uses: evaluate, with: { data: "${out('steps.corpus.outputs.test')}", students: "${out('steps.student.outputs.model')}" } }`,
    next: `next: { model: "${out('steps.student.outputs.model')}" }`,
    last: `last: { uses: train, with: { data: "${out('steps.corpus.outputs.train')}", teacher: "${out('rounds.again.outputs.model')}", model: { type: logistic } } }`,
    all: `all: { uses: evaluate, with: { data: "${out('steps.corpus.outputs.test')}", students: "${out('steps.student.outputs.model')}" } }`,
    outputs: `outputs: { model: "${out('rounds.again.outputs.model')}", models: "${out('steps.student.outputs.model')}" }`,
    ...changes,
  };
  return `version: 1
name: rounds
params: { rounds: 3 }
steps:
  corpus: { uses: corpus }
  start: { uses: train, with: { data: "${out('steps.corpus.outputs.train')}", model: { type: logistic } } }
  ${lines.last}
  ${lines.all}
rounds:
  again:
    ${lines.count}
    ${lines.first}
    steps:
      ${lines.student}
      ${lines.check}
    ${lines.next}
${lines.outputs}
`;
}

test('are written out: each takes what the one before has made, the first what stands in for it', async () => {
  const plan = await rig.plan(recipe());
  const inputs = new Map(plan.instances.map(({ id, inputs }) => [id, inputs]));
  const model = (from: string) => [{ from, output: 'model' }];
  expect(inputs.get('student[round=1]')?.teacher).toEqual(model('start'));
  expect(inputs.get('student[round=2]')?.teacher).toEqual(model('student[round=1]'));
  expect(inputs.get('student[round=3]')?.teacher).toEqual(model('student[round=2]'));
  expect(inputs.get('check[round=2]')?.students).toEqual(model('student[round=2]'));
  expect(inputs.get('last')?.teacher).toEqual(model('student[round=3]'));
  const each = [1, 2, 3].flatMap((round) => model(`student[round=${round}]`));
  expect(inputs.get('all')?.students).toEqual(each);
  const models = each.map((binding) => ({ ...binding, folder: binding.from }));
  expect(plan.outputs).toEqual({ model: model('student[round=3]'), models });
  const students = plan.instances.filter(({ step }) => step === 'student');
  expect(students.map(({ options }) => options.note)).toEqual(['round 1', 'round 2', 'round 3']);
  const order = plan.instances.map(({ id }) => id);
  expect(order.indexOf('check[round=1]')).toBeGreaterThan(order.indexOf('student[round=1]'));
});

test('a param says how many, and what was done in fewer is the beginning of more', async () => {
  const one = await rig.plan(recipe(), { set: { 'params.rounds': '1' } });
  expect(one.instances.map(({ id }) => id)).toContain('student[round=1]');
  expect(one.instances.map(({ id }) => id)).not.toContain('student[round=2]');
  expect(one.instances.find(({ id }) => id === 'last')?.inputs.teacher).toEqual([
    { from: 'student[round=1]', output: 'model' },
  ]);
  const two = await rig.plan(recipe({ count: 'count: 2' }));
  const first = (plan: typeof one) => plan.instances.find(({ id }) => id === 'student[round=1]');
  expect(first(two)).toEqual(first(one));
});

test('steps in rounds have a matrix of their own, and what is not changed is handed on', async () => {
  const plan = await rig.plan(
    recipe({
      student: `student: { uses: train, matrix: { seed: [1, 2] }, with: { data: "${out('steps.corpus.outputs.train')}", teacher: "${out('before.model')}", model: { type: logistic } } }`,
      next: `next: { model: "${out('before.model')}" }`,
      outputs: '',
    }),
  );
  const third = plan.instances.find(({ id }) => id === 'student[round=3,seed=2]');
  expect(third?.inputs.teacher).toEqual([{ from: 'start', output: 'model' }]);
  expect(third?.seed).toBe(2);
  expect(plan.instances.find(({ id }) => id === 'all')?.inputs.students).toHaveLength(6);
});

describe('what is wrong is said once, where it stands', () => {
  const cases: Record<string, Record<string, string>> = {
    'a count that is none': { count: 'count: 0' },
    'a count that is a text': { count: 'count: many' },
    'a name that the first round does not have': {
      first: `first: { modle: "${out('steps.start.outputs.model')}" }`,
      next: `next: { model: "${out('steps.student.outputs.model')}", modle: "${out('steps.student.outputs.model')}" }`,
    },
    'a name that the next round does not have': {
      first: `first: { model: "${out('steps.start.outputs.model')}", data: "${out('steps.corpus.outputs.train')}" }`,
    },
    'no such output of rounds': { outputs: `outputs: { model: "${out('rounds.again.outputs.modle')}" }` },
    'no such rounds': { outputs: `outputs: { model: "${out('rounds.agian.outputs.model')}" }` },
    'before, outside': {
      last: `last: { uses: train, with: { data: "${out('before.data')}", model: { type: logistic } } }`,
    },
    'the list of all rounds where one is wanted': {
      last: `last: { uses: train, with: { data: "${out('steps.corpus.outputs.train')}", teacher: "${out('steps.student.outputs.model')}", model: { type: logistic } } }`,
    },
    'their own last round': {
      check: `check: { uses: evaluate, with: { data: "${out('steps.corpus.outputs.test')}", students: "${out('rounds.again.outputs.model')}" } }`,
    },
    'another step of that id': {
      check: `start: { uses: corpus }`,
    },
    'another step of that id, which others of the round take': {
      check: `start: { uses: train, with: { data: "${out('steps.corpus.outputs.train')}", teacher: "${out('steps.start.outputs.model')}", model: { type: logistic } } }\n      more: { uses: train, with: { data: "${out('steps.corpus.outputs.train')}", teacher: "${out('steps.start.outputs.model')}", model: { type: logistic } } }`,
    },
    'the wrong kind, from the second round on': { next: `next: { model: "${out('steps.check.outputs.report')}" }` },
    'an option in a round': {
      check: `check: { uses: evaluate, retyr: 1, with: { data: "${out('steps.corpus.outputs.test')}", students: "${out('steps.student.outputs.model')}" } }`,
    },
    'what waits for itself': {
      first: `first: { model: "${out('rounds.again.outputs.model')}" }`,
      next: `next: { model: "${out('before.model')}" }`,
    },
    'rounds that wait for their own end': { first: `first: { model: "${out('steps.last.outputs.model')}" }` },
  };
  for (const [name, changes] of Object.entries(cases)) {
    test(name, async () => {
      expect(await rig.errors(recipe(changes))).toMatchSnapshot();
    });
  }
});

test('a param that gives no such count is named', async () => {
  expect(await rig.errors(recipe(), { set: { 'params.rounds': '101' } })).toContain(
    '"count" of rounds "again" must be a whole number from 1 to 100, not 101. The value comes from --set params.rounds',
  );
});
