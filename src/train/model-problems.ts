import type { OptionProblem } from '../engine/step.js';
import type { TrainOptions } from '../options/train.js';

/** What is wrong with the numbers of a model that no schema can say. */
export function modelProblems({ model }: Pick<TrainOptions, 'model'>): OptionProblem[] {
  if (model === undefined || model.type === 'pretrained') return [];
  if (model.type === 'logistic') return model.features === 'hashed' ? ngramProblems(model) : [];
  const problems: OptionProblem[] = [];
  const { hidden, heads, layers } = model;
  if (hidden % heads !== 0) {
    const message = `hidden ${hidden} is not a multiple of heads ${heads}`;
    problems.push({
      pointer: '/model/hidden',
      message,
      hint: `Take for example ${heads * Math.ceil(hidden / heads)}.`,
    });
  }
  if ('kv_heads' in model && model.kv_heads !== undefined && heads % model.kv_heads !== 0) {
    problems.push({
      pointer: '/model/kv_heads',
      message: `heads ${heads} is not a multiple of kv_heads ${model.kv_heads}`,
    });
  }
  if ('groups' in model && model.groups > layers) {
    const hint = `Take ${layers} or fewer.`;
    problems.push({ pointer: '/model/groups', message: `${layers} layers cannot be in ${model.groups} groups`, hint });
  }
  return problems;
}

function ngramProblems({
  word_ngrams: words,
  char_ngrams: characters,
}: {
  readonly word_ngrams: number;
  readonly char_ngrams: readonly [number, number] | null;
}): OptionProblem[] {
  if (characters && characters[0] > characters[1]) {
    const message = `n-grams of ${characters[0]} to ${characters[1]} characters are none`;
    return [{ pointer: '/model/char_ngrams', message, hint: 'The least comes first.' }];
  }
  if (words > 0 || characters) return [];
  const message = 'neither words nor characters are features';
  return [{ pointer: '/model/word_ngrams', message, hint: 'Take 1 or more, or give char_ngrams.' }];
}
