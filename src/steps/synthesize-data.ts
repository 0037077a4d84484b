import { defineStep, optional } from '../engine/step.js';
import type { SynthesizeDataOptions } from '../options/synthesize-data.js';
import { servedInputs } from '../teachers/query/policy.js';
import { variables } from '../teachers/query/providers.js';
import { claimsOf, problemsOf, refusalsOf, variablesOf } from '../teachers/synthesize/policy.js';

export const synthesizeData = defineStep<SynthesizeDataOptions>({
  name: 'synthesize-data',
  version: 1,
  summary:
    'Asks a model behind an API for texts of labels and topics, drops what is alike, has them judged, marks them',
  inputs: { seeds: optional('dataset'), serve: optional('model') },
  outputs: { data: 'dataset', rejected: 'quarantine', report: 'report', usage: 'measurement' },
  lane: 'network',
  packages: [],
  environment: Object.fromEntries(variables.map((name) => [name, 'secret' as const])),
  requires: variablesOf,
  problems: problemsOf,
  claims: claimsOf,
  refuses: refusalsOf,
  estimatesFrom: (options) => ['seeds', ...servedInputs(options)],
  estimate: async (ctx) => (await import('../teachers/synthesize/estimate.js')).estimate(ctx),
  run: async (ctx) => (await import('../teachers/synthesize/run.js')).run(ctx),
});
