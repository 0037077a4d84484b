import { defineStep, list, named, one, optional } from '../engine/step.js';
import type { EnsembleTeachersOptions } from '../options/ensemble-teachers.js';
import { ensembleFacts, output } from '../train/foresight.js';

export const ensembleTeachers = defineStep<EnsembleTeachersOptions>({
  name: 'ensemble-teachers',
  version: 1,
  summary: 'Makes one teacher of several, and says how far they agree',
  inputs: { data: one('dataset'), teachers: named(list('logits')), validation: optional('dataset') },
  outputs: { logits: 'logits', data: 'dataset', report: 'report' },
  lane: 'io',
  packages: [],
  foresees: (_, known) => output('logits', ensembleFacts(known)),
  run: async (ctx) => (await import('../teachers/ensemble/run.js')).run(ctx),
});
