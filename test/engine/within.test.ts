import { expect, test } from 'vitest';
import { blockedBy } from '../../src/engine/inputs.js';
import type { Issue } from '../../src/engine/issue.js';
import type { StepInstance } from '../../src/engine/plan.js';
import { defineStep, each, list, outputKind } from '../../src/engine/step.js';
import { numbered } from '../../src/engine/within.js';

const step = defineStep<unknown>({
  name: 'several',
  version: 1,
  summary: '',
  inputs: { all: list('dataset'), data: each('tasks', 'dataset'), teacher: each('tasks', 'logits', 'model') },
  outputs: { model: 'model' },
  namedOutputs: 'report',
  lane: 'io',
  packages: [],
  run: async () => {},
});

test('what stands in the items of an option is numbered, each name by itself', () => {
  const issues: Issue[] = [];
  const tasks = [
    { name: 'a', data: '${{ steps.x.outputs.train }}' },
    { name: 'b', data: '${{ steps.y.outputs.train }}', teacher: '${{ steps.z.outputs.model }}' },
    'no mapping',
    { name: 'c', teacher: '${{ steps.z.outputs.model }}' },
  ];
  expect(numbered({ tasks, other: 3 }, step, '/with', (issue) => issues.push(issue))).toEqual({
    tasks: [{ name: 'a', data: 1 }, { name: 'b', data: 2, teacher: 1 }, 'no mapping', { name: 'c', teacher: 2 }],
    other: 3,
  });
  expect(numbered({ tasks: 7 }, step, '/with', (issue) => issues.push(issue))).toEqual({ tasks: 7 });
  expect(issues).toEqual([]);
  numbered({ tasks: ['${{ params.task }}'] }, step, '/with', (issue) => issues.push(issue));
  numbered({ tasks: '${{ matrix.tasks }}' }, step, '/with', (issue) => issues.push(issue));
  expect(issues.map(({ pointer }) => pointer)).toEqual(['/with/tasks/0', '/with/tasks']);
});

test('a list can spare some of its artifacts, and the items of an option none', () => {
  const from = (...ids: string[]) => ids.map((id) => ({ from: id, output: 'train' }));
  const instance = (inputs: StepInstance['inputs']) => ({ inputs }) as StepInstance;
  const absent = new Set(['y']);
  expect(blockedBy(instance({ all: from('x', 'y') }), step, absent)).toBeUndefined();
  expect(blockedBy(instance({ data: from('x', 'y') }), step, absent)).toBe('y');
  expect(blockedBy(instance({ data: from('x') }), step, absent)).toBeUndefined();
});

test('outputs that options name are of one kind', () => {
  expect([outputKind(step, 'model'), outputKind(step, 'spam')]).toEqual(['model', 'report']);
  expect(outputKind({ ...step, namedOutputs: undefined as never }, 'spam')).toBeUndefined();
  expect(outputKind({ ...step, namedOutputs: undefined as never }, 'constructor')).toBeUndefined();
});
