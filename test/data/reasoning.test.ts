import { expect, test } from 'vitest';
import { answerIn, withReasoning } from '../../src/data/reasoning.js';

test('what is thought stands before the answer, and is taken off again', () => {
  const text = withReasoning(' 2 and 2 \n', 'It is 4.');
  expect(text).toBe('<think>\n2 and 2\n</think>\n\nIt is 4.');
  expect(answerIn(text)).toBe('It is 4.');
  expect(answerIn('<think>\n2 and')).toBe('');
  expect(answerIn('It is 4. </think>')).toBe('It is 4. </think>');
});
