import type { Claim, OptionProblem, Refusal } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import type { Json } from '../../util/json.js';
import { type DataUse, PERMISSION, TERMS } from '../claims.js';
import { isLocal, teacherOf } from './providers.js';

/** The outputs that a task has: probabilities belong to labels. */
export function outputsOf({ task }: QueryTeacherOptions): string[] {
  const soft = 'soft_labels' in task && task.soft_labels !== 'none';
  return ['data', ...(soft ? ['logits'] : []), 'quarantine', 'usage'];
}

/** What is wrong with options that no schema can say. */
export function problemsOf(options: QueryTeacherOptions): OptionProblem[] {
  const { teacher, budget, task, redact, batch } = options;
  const { provider, baseUrl } = teacherOf(teacher);
  const problems: OptionProblem[] = [];
  if (baseUrl === undefined && provider.name !== 'recipe') {
    problems.push({
      pointer: '/teacher',
      message: 'the teacher has no address',
      hint: 'Add base_url: http://127.0.0.1:8000/v1, or write the provider before the model: openai:gpt-4.1-mini',
    });
  }
  if (budget.usd !== undefined && teacher.price === undefined) {
    problems.push({
      pointer: '/budget/usd',
      message: 'a budget in dollars needs the price of a token',
      hint: 'Add price: {input: …, output: …} to the teacher, in dollars for a million tokens, or give the budget in tokens',
    });
  }
  if ('minimum' in task && task.minimum >= task.maximum) {
    problems.push({
      pointer: '/task/maximum',
      message: `the highest score has to be more than the least, ${task.minimum}`,
    });
  }
  if ('soft_labels' in task && task.soft_labels === 'logprobs' && (teacher.logprobs ?? provider.logprobs) === 0) {
    problems.push({
      pointer: '/task/soft_labels',
      message: `${provider.name} tells no log-probabilities`,
      hint: 'Use soft_labels: votes',
    });
  }
  if (batch && !provider.batch && provider.name !== 'custom') {
    problems.push({ pointer: '/batch', message: `${provider.name} has no Batch API that is known here` });
  }
  redact.forEach((item, i) => {
    if (typeof item === 'string' || isPattern(item.pattern)) return;
    problems.push({ pointer: `/redact/${i}/pattern`, message: 'this is not a regular expression of JavaScript' });
  });
  return problems;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'gu');
    return true;
  } catch {
    return false;
  }
}

/** The variable that has to hold a key, where the recipe gives none. */
export function variablesOf({ teacher }: QueryTeacherOptions): string[] {
  const { variable } = teacherOf(teacher).provider;
  const needed = variable !== undefined && teacher.api_key === undefined && teacher.base_url === undefined;
  return needed ? [variable] : [];
}

/** The terms of the teacher hold for its answers and for what is trained on them. */
export function claimsOf({ teacher }: QueryTeacherOptions): Claim[] {
  if (teacher.terms === undefined) return [];
  return [{ topic: TERMS, value: teacher.terms as unknown as Json, pointer: '/teacher/terms/allows' }];
}

/** Data that may not leave the machine is not sent to another one; some may, once it is masked. */
export function refusalsOf(options: QueryTeacherOptions, claims: readonly Claim[]): Refusal[] {
  const { teacher, redact } = options;
  const { baseUrl } = teacherOf(teacher);
  if (baseUrl === undefined || isLocal(baseUrl)) return [];
  const pointer = teacher.base_url === undefined ? '/teacher/model' : '/teacher/base_url';
  return claims.flatMap((claim): Refusal[] => {
    if (claim.topic !== PERMISSION) return [];
    const { permission } = claim.value as unknown as DataUse;
    const masked = permission === 'redacted';
    if (permission === 'any' || (masked && redact.length > 0)) return [];
    return [
      {
        claim,
        pointer,
        message: masked
          ? 'this would send data to another machine as it is, and it may only leave masked'
          : 'this would send data to another machine, and it may not leave this one',
        hint: masked ? 'Add redact: [email, phone, card]' : 'Use a teacher on this machine',
      },
    ];
  });
}
