import { defineStep, list, optional } from '../engine/step.js';
import type { SelfDistillOptions } from '../options/self-distill.js';
import { refuseTraining } from '../teachers/claims.js';
import { modelFacts, output } from '../train/foresight.js';
import { selfProblems } from '../train/together/problems.js';

/** As many exits or generations as the schema allows. */
const MOST = 8;
const several = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}-${i + 1}`);
const models = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'model']));

/** Beside the model itself: each generation, the running mean, or each exit with the layers below it. */
function othersOf({ teacher }: SelfDistillOptions): string[] {
  if (teacher.type === 'average') return ['teacher'];
  return teacher.type === 'generations' ? several('generation', teacher.count) : several('exit', teacher.after.length);
}

export const selfDistill = defineStep<SelfDistillOptions>({
  name: 'self-distill',
  version: 1,
  summary: 'Trains a model that is its own teacher: by generations, by its running mean, or by its last layer',
  inputs: {
    data: list('dataset'),
    tokenizer: optional('tokenizer'),
    init: optional('model'),
    validation: optional('dataset'),
  },
  outputs: {
    ...models(['model', 'teacher', ...several('generation', MOST), ...several('exit', MOST)]),
    history: 'history',
  },
  lane: 'compute',
  packages: ['@tensorflow/tfjs', 'onnxruntime-node', 'tokenizers'],
  produces: (options) => ['model', ...othersOf(options), 'history'],
  problems: selfProblems,
  foresees: (options, known) => {
    const facts = modelFacts(options, known);
    const names = options.teacher.type === 'exits' ? ['model'] : ['model', ...othersOf(options)];
    return Object.assign({}, ...names.map((name) => output(name, facts)));
  },
  refuses: ({ task }, claims) => refuseTraining(claims, task === 'generation'),
  run: async (ctx) => (await import('../train/together/self.js')).run(ctx),
});
