import { holesOf } from '../../data/template.js';
import type { Claim, OptionProblem, Refusal } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import type { SynthesizeDataOptions } from '../../options/synthesize-data.js';
import * as query from '../query/policy.js';
import { FIELDS } from './wishes.js';

/** The options as the engine checks them: its inputs are still in them, as references. */
type Given = SynthesizeDataOptions & { readonly seeds?: unknown };

/** What is asked of a judge, as `query-teacher` has it. */
export function judging(options: SynthesizeDataOptions): QueryTeacherOptions | undefined {
  const { judge, teacher, redact, budget, rate, corrections } = options;
  if (judge === false) return undefined;
  const { question, soft_labels, votes } = judge;
  return {
    teacher: judge.teacher ?? teacher,
    task: { mode: 'match', question, labels: ['no', 'yes'], soft_labels, votes },
    prompt: 'Label: {{label}}{{meaning}}\n\nText:\n{{text}}',
    redact,
    budget,
    rate,
    corrections,
    max_invalid: 1,
    batch: false,
  };
}

/** What is asked of the writer, as far as `query-teacher` has it. */
const writing = ({ teacher, redact, budget, rate, corrections }: SynthesizeDataOptions): QueryTeacherOptions => ({
  teacher,
  task: { mode: 'generate', samples: 1, temperature: 1 },
  redact,
  budget,
  rate,
  corrections,
  max_invalid: 1,
  batch: false,
});

/** The judge, where it is another teacher. */
const otherJudge = (options: SynthesizeDataOptions): QueryTeacherOptions | undefined =>
  options.judge !== false && options.judge.teacher !== undefined ? judging(options) : undefined;

/** Where the recipe has what `query-teacher` would have there. */
const inJudge = <Problem extends { readonly pointer: string }>(problem: Problem): Problem => ({
  ...problem,
  pointer: problem.pointer.replace(/^\/teacher/, '/judge/teacher').replace(/^\/task/, '/judge'),
});

/**
 * What is wrong with options that no schema can say.
 * @param secret pointers of options whose values come from the environment
 */
export function problemsOf(options: Given, secret: readonly string[] = []): OptionProblem[] {
  const asked = query.problemsOf(
    writing(options),
    secret.filter((pointer) => !/^\/judge\/teacher\/api_key(\/|$)/.test(pointer)),
  );
  const judge = judging(options);
  const judged = judge === undefined ? [] : query.problemsOf(judge).map(otherJudge(options) ? inJudge : onlyTask);
  const seen = new Set(asked.map(({ pointer }) => pointer));
  return [
    ...asked,
    ...judged.filter(({ pointer }) => !seen.has(pointer)),
    ...servedProblems(otherJudge(options)),
    ...labelProblems(options),
    ...promptProblems(options),
  ];
}

/** Of a judge that is the writer: what is wrong with the teacher is said already. */
const onlyTask = (problem: OptionProblem): OptionProblem =>
  problem.pointer.startsWith('/task') ? inJudge(problem) : problem;

function servedProblems(judge: QueryTeacherOptions | undefined): OptionProblem[] {
  if (judge?.teacher.provider !== 'recipe' || judge.teacher.base_url !== undefined) return [];
  const message = 'the input "serve" serves who writes, and a judge that is another has to be served elsewhere';
  return [{ pointer: '/judge/teacher', message, hint: 'Give it a base_url' }];
}

function labelProblems(options: Given): OptionProblem[] {
  const { labels, descriptions, originals } = options;
  const seeded = Object.hasOwn(options, 'seeds');
  const hint = 'Give it a dataset as "seeds"';
  const strange = labels && Object.keys(descriptions).find((label) => !labels.includes(label));
  return [
    ...(labels === undefined && !seeded
      ? [{ pointer: '', message: 'there are no labels to write texts of', hint: 'Add labels: [spam, ham], or "seeds"' }]
      : []),
    ...(originals && !seeded ? [{ pointer: '/originals', message: 'there are no originals without seeds', hint }] : []),
    ...(strange !== undefined
      ? [{ pointer: `/descriptions/${strange}`, message: `"${strange}" is none of the labels` }]
      : []),
  ];
}

function promptProblems({ prompt }: SynthesizeDataOptions): OptionProblem[] {
  const strange = prompt === undefined ? undefined : holesOf(prompt).find((name) => !FIELDS.includes(name));
  if (strange === undefined) return [];
  const message = `a request has no field "${strange}"`;
  return [{ pointer: '/prompt', message, hint: `It has ${FIELDS.join(', ')}` }];
}

/** The variables that have to hold keys, where the recipe gives none. */
export function variablesOf(options: SynthesizeDataOptions): string[] {
  const judge = otherJudge(options);
  return [...new Set([writing(options), ...(judge ? [judge] : [])].flatMap(query.variablesOf))];
}

/** The terms of who writes hold for what it wrote, and so do those of who chose among it. */
export function claimsOf(options: SynthesizeDataOptions): Claim[] {
  const judge = otherJudge(options);
  return [...query.claimsOf(writing(options)), ...(judge ? query.claimsOf(judge).map(inJudge) : [])];
}

/** Seeds that may not leave the machine are shown to no other one, nor what was written after them. */
export function refusalsOf(options: SynthesizeDataOptions, claims: readonly Claim[]): Refusal[] {
  const judge = otherJudge(options);
  return [
    ...query.refusalsOf(writing(options), claims),
    ...(judge ? query.refusalsOf(judge, claims).map(inJudge) : []),
  ];
}
