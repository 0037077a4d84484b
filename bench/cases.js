import { fileURLToPath } from 'node:url';
import { loadRegistry } from '../dist/cli/registry.js';
import { loadPlan } from '../dist/engine/plan-recipe.js';
import { bert } from '../dist/models/bert.js';

/**
 * One training step to be timed: a BERT student, how it learns, and the teacher that it learns from. Plain data, so that
 * it can be sent to a child process.
 *
 * @typedef {object} Case
 * @property {string} id
 * @property {string} title
 * @property {import('../dist/models/architecture.js').TransformerConfig} config
 * @property {import('../dist/train/stage.js').StageOptions} stage
 * @property {import('../dist/methods/objective.js').Fit} fit
 * @property {number} batch rows
 * @property {number} length tokens of each row, none of them padding
 * @property {number} weightDecay
 * @property {number} rounds counted: in each, several recorded steps and one wasm step
 * @property {number} recordedSteps of one round
 */

const RECIPE = fileURLToPath(new URL('../recipes/tinybert.yaml', import.meta.url));

/** @returns {Promise<Case[]>} */
export async function cases() {
  return [await recipeStudent(), tinybert4()];
}

/** The student that `recipes/tinybert.yaml` trains, in the stage that learns from soft labels, at full length. */
async function recipeStudent() {
  const planned = await loadPlan(RECIPE, { registry: loadRegistry(), set: {}, env: process.env });
  if (!planned.ok) throw new Error(planned.diagnostics.map((d) => `${d.file}:${d.line}: ${d.message}`).join('\n'));
  const plan = planned.value;
  const instance = (id) => plan.instances.find((i) => i.id === id);
  const source = (of, input) => instance(of.inputs[input][0].from);

  const student = instance('student');
  const teacher = source(source(student, 'teacher'), 'teacher');
  const { source: corpus } = source(student, 'data').options;
  const { model, stages, batch_size: batch, weight_decay: weightDecay } = student.options;
  const stage = stages.find((s) => s.objectives.some((o) => o.type === 'soft-label'));
  if (!stage) throw new Error(`no stage of "${student.id}" learns from soft labels`);
  return {
    id: 'student',
    title: `recipe student (${model.layers} layers × ${model.hidden}, batch ${batch} × ${model.max_length})`,
    config: bertOf({
      vocabulary: source(student, 'tokenizer').options.vocabulary,
      layers: model.layers,
      hidden: model.hidden,
      heads: model.heads,
      intermediate: model.intermediate ?? 4 * model.hidden,
      maxLength: model.max_length,
      labels: new Set(Object.values(corpus.labels)).size,
      dropout: model.dropout,
    }),
    stage,
    fit: fitOf(model, teacher.options.model),
    batch,
    length: model.max_length,
    weightDecay,
    rounds: 9,
    recordedSteps: 8,
  };
}

/** TinyBERT-4 (Jiao et al. 2020, arXiv:1909.10351) under BERT-base, both stages' objectives in one. */
function tinybert4() {
  const config = bertOf({
    vocabulary: 30522,
    layers: 4,
    hidden: 312,
    heads: 12,
    intermediate: 1200,
    maxLength: 512,
    labels: 2,
    dropout: 0.1,
  });
  return {
    id: 'tinybert4',
    title: 'TinyBERT-4 (4 layers × 312, batch 32 × 64)',
    config,
    stage: {
      objectives: [
        { type: 'soft-label', weight: 1, teacher: 1, temperature: 1, divergence: { type: 'forward' } },
        {
          type: 'hidden-states',
          weight: 1,
          teacher: 1,
          layer_map: { type: 'uniform' },
          distance: 'mse',
          projection: 'shared',
        },
      ],
      updates: 1,
      learning_rate: 5e-5,
      warmup: 0,
    },
    fit: fitOf(config, { layers: 12, hidden: 768, heads: 12 }),
    batch: 32,
    length: 64,
    weightDecay: 0.01,
    rounds: 3,
    recordedSteps: 12,
  };
}

const bertOf = (shape) => bert.scratch({ type: 'bert', head: 'classifier', padId: 0, ...shape });

const fitOf = (student, teacher) => ({
  layers: { student: student.layers, teacher: teacher.layers },
  studentHidden: student.hidden,
  teacherHidden: teacher.hidden,
  studentHeads: student.heads,
  teacherHeads: teacher.heads,
});
