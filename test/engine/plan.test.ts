import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { loadPlan } from '../../src/engine/plan-recipe.js';
import { createRegistry } from '../../src/engine/registry.js';
import { steps } from '../../src/steps/index.js';
import { RecipeRig } from './fixtures/recipe-rig.js';

const rig = new RecipeRig();
afterAll(() => rig.remove());

const SWEEP = `
version: 1
name: sweep
seed: 7
params: { gold: 5, fast: { type: boolean, default: true } }
steps:
  report:
    uses: evaluate
    with: { data: "\${{ steps.corpus.outputs.test }}", students: ["\${{ steps.student.outputs.model }}", "\${{ steps.teacher.outputs.model }}"] }
  student:
    uses: train
    if: \${{ params.fast }}
    needs: [extra]
    retry: 2
    timeout: 10m
    cache: false
    matrix: { hidden: [64, 32], seed: [1, 2] }
    with:
      data: \${{ steps.corpus.outputs.train }}
      model: { type: bert, hidden: "\${{ matrix.hidden }}" }
      note: "\${{ matrix.hidden }} units, \${{ params.gold }} labels"
      stages: [{ objectives: [hard-label, { type: soft-label }] }]
  corpus: { uses: corpus, with: { gold: "\${{ params.gold }}" } }
  teacher: { uses: train, with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } } }
  extra: { uses: corpus }
outputs: { students: "\${{ steps.student.outputs.model }}" }
`;

test('instances are in an order in which they can run, else in that of the recipe', async () => {
  const plan = await rig.plan(SWEEP);
  const students = [
    'student[hidden=64,seed=1]',
    'student[hidden=64,seed=2]',
    'student[hidden=32,seed=1]',
    'student[hidden=32,seed=2]',
  ];
  expect(plan.instances.map(({ id }) => id)).toEqual(['corpus', 'teacher', 'extra', ...students, 'report']);
  const report = plan.instances.at(-1);
  expect(report?.needs).toEqual(['corpus', ...students, 'teacher']);
  expect(report?.inputs.students).toEqual([...students, 'teacher'].map((from) => ({ from, output: 'model' })));
  expect(plan.outputs.students).toEqual(students.map((from) => ({ from, output: 'model', folder: from })));
});

test('an instance is complete: references resolved, defaults filled in also inside unions', async () => {
  const plan = await rig.plan(SWEEP);
  expect(plan.instances.find(({ id }) => id === 'student[hidden=32,seed=2]')).toEqual({
    id: 'student[hidden=32,seed=2]',
    step: 'student',
    uses: 'train',
    options: {
      model: { type: 'bert', hidden: 32, heads: 4 },
      note: '32 units, 5 labels',
      stages: [{ objectives: ['hard-label', { type: 'soft-label', weight: 1, temperature: 2 }], epochs: 1 }],
      epochs: 3,
      temperature: 1,
    },
    inputs: { data: [{ from: 'corpus', output: 'train' }] },
    needs: ['extra', 'corpus'],
    seed: 2,
    enabled: true,
    retry: 2,
    timeoutMs: 600_000,
    cache: false,
    files: [],
    packages: [],
    environment: [],
    place: { line: 10, column: 3, length: 7 },
  });
  expect(plan.instances[0]?.seed).toBe(7);
});

test('--set changes params; what is disabled stays in the plan', async () => {
  const plan = await rig.plan(SWEEP, { set: { 'params.gold': '9', 'params.fast': 'false' } });
  expect(plan.params).toEqual({ gold: 9, fast: false });
  expect(plan.instances.filter(({ enabled }) => !enabled).map(({ step }) => step)).toEqual(Array(4).fill('student'));
  expect(plan.instances[0]?.options.gold).toBe(9);
});

test('a string param takes --set as it is written', async () => {
  const text = 'version: 1\nname: a\nparams: { note: x }\nsteps: { c: { uses: corpus } }\n';
  for (const note of ['1e3', 'true', 'a: b', '', '"quoted"']) {
    const plan = await rig.plan(text, { set: { 'params.note': note } });
    expect(plan.params.note).toBe(note === '"quoted"' ? 'quoted' : note);
  }
});

test('the environment is checked, but no value of it enters the plan', async () => {
  const text = 'version: 1\nname: a\nsteps: { c: { uses: corpus, with: { key: "${{ env.KEY }}" } } }\n';
  const plan = await rig.plan(text, { env: { KEY: 'sk-secret' } });
  expect(plan.instances[0]?.options.key).toBe('${{ env.KEY }}');
  expect(plan.instances[0]?.environment).toEqual([{ pointer: '/key', name: 'KEY' }]);
  expect(JSON.stringify(plan)).not.toContain('secret');
});

test('a disabled step needs no secrets and no files', async () => {
  const text =
    'version: 1\nname: a\nsteps: { c: { uses: corpus, if: false, with: { key: "${{ env.KEY }}", file: none } } }\n';
  expect((await rig.plan(text)).instances[0]?.enabled).toBe(false);
});

test('files and packages are found', async () => {
  rig.write('x', 'rows.jsonl');
  const plan = await rig.plan(
    'version: 1\nname: a\nsteps: { c: { uses: corpus, with: { file: rows.jsonl, package: yaml } } }\n',
  );
  expect(plan.instances[0]?.files).toEqual([{ pointer: '/file', path: `${rig.folder}/rows.jsonl` }]);
  expect(plan.instances[0]?.packages).toMatchObject([
    { pointer: '/package', name: 'yaml', version: expect.stringMatching(/^\d/) },
  ]);
  expect(plan.instances[0]?.packages[0]?.path).toMatch(/node_modules.yaml$/);
});

test('mappings in a matrix are called by their name or their index', async () => {
  const plan = await rig.plan(`version: 1
name: a
steps:
  c: { uses: corpus }
  t:
    uses: train
    matrix:
      model: [{ type: logistic, name: lr }, { type: bert, hidden: 3 }]
      note: [plain, "not/plain"]
    with: { data: "\${{ steps.c.outputs.train }}", model: "\${{ matrix.model }}", note: "\${{ matrix.note }}" }
`);
  expect(plan.instances.slice(1).map(({ id }) => id)).toEqual([
    't[model=lr,note=plain]',
    't[model=lr,note=1]',
    't[model=1,note=plain]',
    't[model=1,note=1]',
  ]);
  expect(plan.instances.at(-1)?.options.model).toEqual({ type: 'bert', hidden: 3, heads: 4 });
});

test('anchors and aliases work, Windows line ends and a byte order mark too', async () => {
  const plan = await rig.plan(
    '\ufeffversion: 1\r\nname: a\r\nsteps:\r\n  c: &c { uses: corpus, with: { gold: 3 } }\r\n  d: *c\r\n',
  );
  expect(plan.instances.map(({ id, options }) => [id, options.gold])).toEqual([
    ['c', 3],
    ['d', 3],
  ]);
});

const recipes = fileURLToPath(new URL('../../recipes', import.meta.url));

test.each(readdirSync(recipes))('a recipe that we ship is right: %s', async (file) => {
  const registry = createRegistry(steps, fileURLToPath(new URL('../../schemas', import.meta.url)));
  const result = await loadPlan(join(recipes, file), {
    registry,
    set: {},
    env: {},
  });
  expect(result).toMatchObject({ ok: true, warnings: [] });
});
