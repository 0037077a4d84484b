import { describe, expect, it } from 'vitest';
import type { TrainOptions } from '../../src/options/train.js';
import { modelProblems } from '../../src/train/model-problems.js';
import { problemsOf } from '../../src/train/problems.js';
import type { Json } from '../../src/util/json.js';
import { withDefaults } from '../steps/context.js';

/** As a recipe says it: `<pointer> <message>`. */
const problems = (...objectives: Json[]): string[] => {
  const model = { type: 'bert', layers: 2, hidden: 8, heads: 2, max_length: 16 };
  const options = withDefaults('train', { model, stages: [{ objectives: ['hard-label'] }, { objectives }] });
  return problemsOf(options as unknown as TrainOptions).map(({ pointer, message }) => `${pointer} ${message}`);
};

/** The same of a model. */
const modelsProblems = (model: Json): string[] => {
  const options = withDefaults('train', { model, stages: [{ objectives: ['hard-label'] }] });
  return modelProblems(options as unknown as TrainOptions).map(({ pointer, message }) => `${pointer} ${message}`);
};

describe('problems of a model', () => {
  it('heads and groups that do not come out even', () => {
    const sizes = { layers: 2, hidden: 8, heads: 3 };
    expect(modelsProblems({ type: 'bert', ...sizes })).toEqual(['/model/hidden hidden 8 is not a multiple of heads 3']);
    expect(modelsProblems({ type: 'llama', ...sizes, hidden: 12, heads: 4, kv_heads: 3 })).toEqual([
      '/model/kv_heads heads 4 is not a multiple of kv_heads 3',
    ]);
    expect(modelsProblems({ type: 'albert', ...sizes, heads: 2, groups: 3 })).toEqual([
      '/model/groups 2 layers cannot be in 3 groups',
    ]);
    expect(modelsProblems({ type: 'albert', ...sizes, heads: 2, groups: 2 })).toEqual([]);
  });

  it('n-grams that there are none of', () => {
    const hashed = { type: 'logistic', features: 'hashed' };
    expect(modelsProblems({ ...hashed, char_ngrams: [4, 3] })).toEqual([
      '/model/char_ngrams n-grams of 4 to 3 characters are none',
    ]);
    expect(modelsProblems({ ...hashed, word_ngrams: 0 })).toEqual([
      '/model/word_ngrams neither words nor characters are features',
    ]);
    expect(modelsProblems({ ...hashed, word_ngrams: 0, char_ngrams: [3, 4] })).toEqual([]);
    expect(modelsProblems({ type: 'logistic' })).toEqual([]);
  });
});

describe('problems of a train step', () => {
  it('a temperature where logits are compared as they are', () => {
    expect(problems({ type: 'soft-label', divergence: 'mse', temperature: 2 })).toEqual([
      '/stages/1/objectives/0/temperature divergence "mse" compares logits as they are and has no temperature',
    ]);
    expect(problems({ type: 'soft-label', divergence: 'mse' })).toEqual([]);
    expect(problems('hard-label', { type: 'soft-label', divergence: { type: 'reverse' }, temperature: 2 })).toEqual([]);
  });

  it('a divergence of what are no probabilities', () => {
    expect(problems({ type: 'attention', distance: 'kl' })).toEqual([
      '/stages/1/objectives/0/distance distance "kl" is one between probabilities, and scores are none',
    ]);
    expect(problems({ type: 'attention', distance: 'kl', of: 'probabilities' })).toEqual([]);
  });

  it('a temperature that a schedule brings to 0', () => {
    const temperature = { schedule: 'linear', from: 4, to: 0 };
    expect(problems({ type: 'soft-label', temperature })).toEqual([
      '/stages/1/objectives/0/temperature/to a temperature divides, so it is greater than 0',
    ]);
    expect(problems({ type: 'soft-label', temperature: { ...temperature, to: 1 } })).toEqual([]);
  });

  it('weights that are all 0', () => {
    const nothing = { type: 'hard-label', weight: 0 };
    expect(problems(nothing, { type: 'soft-label', weight: 0 })).toEqual([
      '/stages/1/objectives the weights of all objectives are 0, so nothing would be learnt',
    ]);
    expect(problems(nothing, 'soft-label')).toEqual([]);
  });

  it('samples of what nobody writes, or to no rows', () => {
    const given = (more: Record<string, Json>): string[] => {
      const stages = [{ objectives: ['hard-label'], samples: 3 }];
      const model = { type: 'gpt2', layers: 2, hidden: 8, heads: 2, max_length: 16 };
      return problemsOf({ ...withDefaults('train', { model, stages }), ...more } as never).map(
        ({ pointer, message }) => `${pointer} ${message}`,
      );
    };
    expect(given({ validation: 'a' })).toEqual([
      '/stages/0/samples task "classification" takes no "samples": they are what a model writes',
    ]);
    expect(given({ task: 'generation' })).toEqual([
      '/stages/0/samples "samples" are written to rows of the input "validation", and there is none',
    ]);
    expect(given({ task: 'generation', validation: 'a' })).toEqual([]);
  });

  it('objectives that no batch, or no objective that a batch is for', () => {
    const minillm = { type: 'minillm', student_share: 0.5 };
    expect(problems('gkd', 'hard-label')).toEqual([]);
    expect(problems({ type: 'gkd', student_share: 1 }, 'hard-label')).toEqual([
      '/stages/1/objectives/1 "gkd" has the student write all batches, so this objective, which learns from the data, learns nothing',
    ]);
    expect(problems(minillm)).toEqual([
      '/stages/1/objectives/0/student_share the batches that the student does not write are for other objectives, and there is none',
    ]);
    expect(problems('gkd', minillm)).toEqual([
      '/stages/1/objectives/1 "gkd" has the student write in this stage already',
    ]);
    expect(problems(minillm, 'hard-label')).toEqual([]);
  });
});
