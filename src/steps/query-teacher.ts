import { defineStep, one, optional } from '../engine/step.js';
import type { QueryTeacherOptions } from '../options/query-teacher.js';
import { claimsOf, outputsOf, problemsOf, refusalsOf, servedInputs, variablesOf } from '../teachers/query/policy.js';
import { variables } from '../teachers/query/providers.js';

export const queryTeacher = defineStep<QueryTeacherOptions>({
  name: 'query-teacher',
  version: 3,
  summary: 'Asks a model behind an API about every row, once, and keeps its answers',
  inputs: { data: one('dataset'), calibration: optional('dataset'), serve: optional('model') },
  outputs: { data: 'dataset', logits: 'logits', quarantine: 'quarantine', usage: 'measurement' },
  lane: 'network',
  packages: [],
  environment: Object.fromEntries(variables.map((name) => [name, 'secret' as const])),
  produces: outputsOf,
  requires: variablesOf,
  problems: problemsOf,
  claims: claimsOf,
  refuses: refusalsOf,
  estimatesFrom: (options) => ['data', 'calibration', ...servedInputs(options)],
  estimate: async (ctx) => (await import('../teachers/query/estimate.js')).estimate(ctx),
  run: async (ctx) => (await import('../teachers/query/run.js')).run(ctx),
});
