import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createRegistry } from '../../src/engine/registry.js';
import { steps } from '../../src/steps/index.js';
import { RecipeRig } from '../engine/fixtures/recipe-rig.js';

const rig = new RecipeRig(createRegistry(steps, fileURLToPath(new URL('../../schemas', import.meta.url))));
afterAll(() => rig.remove());
rig.write('{"text": "a", "label": "b"}\n', 'rows.jsonl');

const ref = (output: string): string => `\${{ steps.${output.replace('.', '.outputs.')} }}`;

interface Sketch {
  readonly teacher?: string;
  readonly cache?: string;
  readonly student?: string;
  readonly objectives: string;
  /** What the student learns from. */
  readonly from?: string;
  readonly more?: string;
  readonly task?: string;
}

/** A teacher, what it says of four layers, and a student; line 27 has the student's objectives, 28 where a task is named. */
const recipe = ({ teacher, cache, student, objectives, from, more, task }: Sketch): string => `version: 1
name: misfits
steps:
  corpus:
    uses: sample-data
    with: { source: { type: jsonl, path: rows.jsonl } }
  tokenizer:
    uses: train-tokenizer
    with: { data: "${ref('corpus.train')}", type: ${task ? 'byte-bpe' : 'wordpiece'} }
  teacher:
    uses: train
    with:
      data: ${ref('corpus.train')}
      tokenizer: ${ref('tokenizer.tokenizer')}
      model: { ${teacher ?? 'type: bert, layers: 4, hidden: 64, heads: 4'} }
      stages: [{ objectives: [hard-label] }]${task ?? ''}
  logits:
    uses: cache-logits
    with: { teacher: "${ref('teacher.model')}", data: "${ref('corpus.train')}"${cache ? `, ${cache}` : ''} }
  student:
    uses: train
    with:
      data: ${ref('corpus.train')}${from === '' ? '' : `\n      teacher: ${ref(from ?? 'logits.logits')}`}
      model: { ${student ?? 'type: bert, layers: 2, hidden: 32, heads: 4'} }
      stages:
        - objectives: [${objectives}]
      ${more ?? `tokenizer: ${ref('tokenizer.tokenizer')}`}${task ?? ''}
`;
const TASK = '\n      task: generation';
const SMALLER = 'type: bert, layers: 3, hidden: 32, heads: 2';

describe('what does not fit is told with its place before anything runs:', () => {
  test.each<[string, Sketch, string]>([
    [
      'a layer map',
      { student: SMALLER, objectives: 'hard-label, hidden-states', cache: 'hidden_states: [0, 1, 2, 3, 4]' },
      'recipe.yaml:27:36 error: layer map "uniform" cannot map 3 student layers onto 4 teacher layers. Give pairs instead, e.g. layer_map: [[0, 0], [3, 4]].',
    ],
    [
      'a pair of layers',
      { objectives: '{ type: hidden-states, layer_map: [[1, 5]] }', cache: 'hidden_states: [4]' },
      'recipe.yaml:27:24 error: layer map pair [1, 5] names teacher layer 5, but the teacher has layers 0 to 4',
    ],
    [
      'heads',
      { student: SMALLER, objectives: '{ type: attention, layer_map: last }', cache: 'attention: [4]' },
      'recipe.yaml:27:24 error: objective "attention" matches heads one to one, but the student has 2 and the teacher 4. Give the student heads: 4, or leave the objective out.',
    ],
    [
      'heads of values, which a llama shares',
      {
        student: 'type: llama, layers: 2, hidden: 32, heads: 4, kv_heads: 2',
        objectives: 'value-relation',
        cache: 'values: [4]',
      },
      'recipe.yaml:27:24 error: objective "value-relation" matches heads one to one, but the student\'s values have 2 and the teacher\'s 4. Give it relation_heads, into which the values of both can be split.',
    ],
    [
      'widths',
      { objectives: '{ type: embeddings, projection: none }', cache: 'hidden_states: [0]' },
      'recipe.yaml:27:24 error: objective "embeddings" has projection: none, but the student\'s hidden states have 32 numbers and the teacher\'s 64. Leave out projection: none, or give the student hidden: 64.',
    ],
    [
      'layers that are not kept',
      { objectives: 'hidden-states', cache: 'hidden_states: [0, 4]' },
      'recipe.yaml:27:24 error: objective "hidden-states" needs the teacher\'s hidden states of layer 2, but the logits hold layers 0, 4. Add 2 to hidden_states of the cache-logits step.',
    ],
    [
      'a teacher that is asked',
      { student: SMALLER, objectives: 'hidden-states', from: 'teacher.model' },
      'recipe.yaml:27:24 error: layer map "uniform" cannot map 3 student layers',
    ],
    [
      'a student that starts from some of the teacher',
      {
        student: 'type: pretrained, layers: [1, 2, 4]',
        objectives: 'attention',
        cache: 'attention: [4]',
        more: `init: ${ref('teacher.model')}`,
      },
      'recipe.yaml:27:24 error: layer map "uniform" cannot map 3 student layers',
    ],
    [
      'the k most likely tokens, where all are needed',
      {
        teacher: 'type: gpt2, layers: 2, hidden: 32, heads: 2',
        student: 'type: gpt2, layers: 1, hidden: 16, heads: 2',
        objectives: '{ type: soft-label, divergence: mse }',
        cache: 'tokens: { keep: top-k, k: 8 }',
        task: TASK,
      },
      'recipe.yaml:28:24 error: objective "soft-label" needs the teacher\'s whole logits for the divergence mse, but the cache holds the 8 most likely tokens. Give the cache-logits step tokens: { keep: full }, or the model itself as "teacher".',
    ],
    [
      'a teacher that is not there',
      { objectives: 'hard-label, { type: soft-label, teacher: 2 }' },
      'recipe.yaml:27:65 error: the input "teacher" has 1, and this names number 2. They are counted from 1.',
    ],
    [
      'no teacher at all',
      { objectives: 'hard-label, soft-label', from: '' },
      'recipe.yaml:26:36 error: objective "soft-label" learns from a teacher, and the input "teacher" is not given. Give the output of a cache-logits step, or a model, as "teacher", or leave the objective out.',
    ],
    [
      'data that is not there',
      { objectives: 'hard-label]\n          data: 2\n          freeze: [' },
      'recipe.yaml:28:17 error: the input "data" has 1, and this names number 2',
    ],
  ])('%s', async (_, sketch, message) => {
    const found = await rig.errors(recipe(sketch));
    expect(found).toContain(message);
    expect(found.match(/error:/g)).toHaveLength(1);
  });

  test('layers of a model in a folder', async () => {
    mkdirSync(join(rig.folder, 'big'));
    const config = {
      model_type: 'bert',
      hidden_size: 64,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      vocab_size: 99,
    };
    rig.write(JSON.stringify({ ...config, intermediate_size: 256, max_position_embeddings: 64 }), 'big/config.json');
    const imported = recipe({
      student: SMALLER,
      objectives: 'hidden-states',
      cache: 'hidden_states: [0, 1, 2, 3, 4]',
    }).replace(
      / {4}uses: train\n[\s\S]*?stages: \[\{ objectives: \[hard-label\] \}\]\n/,
      '    uses: import-model\n    with: { model: big }\n',
    );
    expect(await rig.errors(imported)).toContain('error: layer map "uniform" cannot map 3 student layers onto 4');
    // What is no model is told by the step that reads it.
    rig.write('{}', 'big/config.json');
    await rig.plan(imported);
  });

  test('layers of what several teachers say together', async () => {
    const together = recipe({
      objectives: 'hidden-states',
      cache: 'hidden_states: [0, 2, 4]',
      from: 'both.logits',
    }).replace(
      '  student:\n',
      `  both:
    uses: ensemble-teachers
    with:
      data: ${ref('corpus.train')}
      teachers:
        - ${ref('logits.logits')}
        - ${ref('logits.logits')}
  student:
`,
    );
    expect(await rig.errors(together)).toContain(
      'error: objective "hidden-states" needs the teacher\'s hidden states of layers 0, 2, 4',
    );
  });

  test('what fits is none of it, nor what is not known yet', async () => {
    const everything = { objectives: 'hidden-states, attention, value-relation, contrastive, embeddings, soft-label' };
    const kept = { cache: 'hidden_states: [0, 2, 4], attention: [2, 4], values: [4]' };
    await rig.plan(recipe({ ...everything, ...kept }));
    await rig.plan(recipe({ ...everything, from: 'teacher.model' }));
    // A logistic regression has no layers: that is seen when it is there.
    await rig.plan(recipe({ ...everything, teacher: 'type: logistic' }).replace(/\n {6}stages: \[\{.*\n/, '\n'));
  });
});
