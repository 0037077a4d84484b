import { describe, expect, it } from 'vitest';
import { isCorrect } from '../../../src/teachers/query/modes/correct.js';

describe('a response that can be checked', () => {
  it.each([
    ['Paris', 'paris.', undefined],
    [' New\n York ', 'new york', undefined],
    ['1,234.0', '1234', undefined],
    ['1e3', '1000', undefined],
    ['The answer is 7. No, the answer is 12.', '12', 'answer is (\\d+)'],
    ['so \\boxed{x = 2}', 'x = 2', '\\\\boxed\\{(.*)\\}'],
    ['#### 5', '5', '\\d+'],
  ])('%j answers %j', (response, right, pattern) => {
    expect(isCorrect(response, right, { pattern })).toBe(true);
  });

  it.each([
    ['Paris, I think', 'Paris', undefined],
    ['12 or 13', '12', undefined],
    ['1,23', '123', undefined],
    ['the answer is 12. No, the answer is 7.', '12', 'answer is (\\d+)'],
    ['it is 12', '12', 'answer is (\\d+)'],
    ['', '0', undefined],
  ])('%j does not answer %j', (response, right, pattern) => {
    expect(isCorrect(response, right, { pattern })).toBe(false);
  });
});
