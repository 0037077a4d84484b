import { describe, expect, it } from 'vitest';
import type { TrainOptions } from '../../src/options/train.js';
import { problemsOf } from '../../src/train/problems.js';
import type { Json } from '../../src/util/json.js';
import { withDefaults } from '../steps/context.js';

/** As a recipe says it: `<pointer> <message>`. */
const problems = (...objectives: Json[]): string[] => {
  const model = { type: 'bert', layers: 2, hidden: 8, heads: 2, max_length: 16 };
  const options = withDefaults('train', { model, stages: [{ objectives: ['hard-label'] }, { objectives }] });
  return problemsOf(options as unknown as TrainOptions).map(({ pointer, message }) => `${pointer} ${message}`);
};

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
});
