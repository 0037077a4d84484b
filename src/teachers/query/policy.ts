import type { Claim, OptionProblem, Refusal } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import type { Json } from '../../util/json.js';
import { type DataUse, PERMISSION, TERMS } from '../claims.js';
import { leavesMachine, teacherOf } from './providers.js';

/** The outputs that a task has: probabilities belong to labels. */
export function outputsOf({ task }: QueryTeacherOptions): string[] {
  const soft = 'soft_labels' in task && task.soft_labels !== 'none';
  return ['data', ...(soft ? ['logits'] : []), 'quarantine', 'usage'];
}

/** The input that a teacher of this workplace is served from, if it is one. */
export const servedInputs = ({ teacher }: Pick<QueryTeacherOptions, 'teacher'>): string[] =>
  teacherOf(teacher).baseUrl === undefined ? ['serve'] : [];

const isAddress = (baseUrl: string | undefined): boolean => baseUrl === undefined || URL.canParse(baseUrl);

/** Parameters that are not for the recipe to set, and what to do instead. */
const NO_PARAMETERS: Readonly<Record<string, string>> = {
  model: 'Name the model in "model"',
  messages: 'Use system, prompt and examples',
  stream: 'Answers are read as a whole',
  max_tokens: 'Use max_tokens of the step: the budget counts with it',
  max_completion_tokens: 'Use max_tokens of the step: the budget counts with it',
  top_logprobs: 'Use logprobs of the teacher',
  logprobs: 'Use logprobs of the teacher, and soft_labels',
};

/** What is wrong with a teacher's further parameters: some decide what is asked, or what it can cost. */
function parameterProblems({ parameters }: QueryTeacherOptions['teacher']): OptionProblem[] {
  const pointer = (name: string): string => `/teacher/parameters/${name}`;
  const taken = Object.keys(parameters).flatMap((name): OptionProblem[] => {
    const hint = Object.hasOwn(NO_PARAMETERS, name) ? NO_PARAMETERS[name] : undefined;
    return hint === undefined ? [] : [{ pointer: pointer(name), message: `"${name}" is no further parameter`, hint }];
  });
  const { n = 1 } = parameters as { n?: unknown };
  if (Number.isSafeInteger(n) && (n as number) > 0) return taken;
  return [...taken, { pointer: pointer('n'), message: 'how many answers there are has to be a number from 1' }];
}

/**
 * What is wrong with options that no schema can say.
 * @param secret pointers of options whose values come from the environment
 */
export function problemsOf(options: QueryTeacherOptions, secret: readonly string[] = []): OptionProblem[] {
  const { teacher, budget, task, redact, batch } = options;
  const { provider, baseUrl } = teacherOf(teacher);
  const problems = parameterProblems(teacher);
  for (const pointer of secret.filter((each) => !/^\/teacher\/api_key(\/|$)/.test(each))) {
    problems.push({
      pointer,
      message:
        'this cannot come from the environment: what is asked is kept with its answer, and a secret stays in no file',
      hint: 'Use a param: ${{ params.NAME }}',
    });
  }
  if (!isAddress(baseUrl)) problems.push({ pointer: '/teacher/base_url', message: 'this is no address' });
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
  const { pattern } = ('correct' in task && task.correct) || {};
  if (pattern !== undefined && !isPattern(pattern)) {
    problems.push({ pointer: '/task/correct/pattern', message: 'this is not a regular expression of JavaScript' });
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
  const asked = teacherOf(teacher);
  // What no address is, is a problem of its own.
  if (!isAddress(asked.baseUrl) || !leavesMachine(asked)) return [];
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
