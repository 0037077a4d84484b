import { describe, expect, it } from 'vitest';
import type { StepDefinition } from '../../src/engine/step.js';
import { train } from '../../src/steps/train.js';
import { TERMS } from '../../src/teachers/claims.js';

const step = train as unknown as StepDefinition<{ task: string }>;
const claim = (allows: string) => ({ topic: TERMS, value: { allows }, pointer: '/teacher/terms/allows' });
const refused = (task: string, allows: string): string[] =>
  (step.refuses?.({ task }, [claim(allows)]) ?? []).map(({ message }) => message);

describe('what may be trained on a teacher’s answers', () => {
  it.each([
    ['classification', 'any'],
    ['classification', 'non-generative'],
    ['generation', 'any'],
  ])('%s, where the terms allow %s', (task, allows) => {
    expect(refused(task, allows)).toEqual([]);
  });

  it('not a model that makes texts, where only others are allowed', () => {
    expect(refused('generation', 'non-generative')).toEqual([
      "this would train a model that makes texts on a teacher's answers, which its terms do not allow",
    ]);
  });

  it.each(['classification', 'generation'])('nothing where nothing is allowed: %s', (task) => {
    expect(refused(task, 'none')).toEqual([
      "this would train a model on a teacher's answers, which its terms do not allow",
    ]);
  });

  it('other claims say nothing of training', () => {
    expect(step.refuses?.({ task: 'generation' }, [{ topic: 'other', value: {}, pointer: '' }])).toEqual([]);
  });
});
