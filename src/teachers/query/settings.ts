import { holesOf } from '../../data/template.js';
import type { InputArtifact } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import { StepFailure } from '../../util/failure.js';
import type { JsonObject } from '../../util/json.js';
import { defaultPrompt, type Inquiry, inquiryOf } from './inquiry.js';
import type { InterviewOptions } from './interview.js';
import { isLabelTask } from './modes/index.js';
import type { Price } from './price.js';
import { priceFrom } from './price-file.js';
import { readExamples } from './prompt.js';
import { teacherOf } from './providers.js';
import { redactor } from './redact.js';

/** What is asked, as the options have it. */
export interface Asked {
  readonly inquiry: Inquiry;
  /** Of a task that asks for labels. */
  readonly labels: readonly string[];
  /** Names the server and the model. */
  readonly revision: string;
  readonly price: Price | undefined;
  /** Fields that the prompt, or what is right, takes of each row. */
  readonly fields: readonly string[];
}

/**
 * @param known labels of the data, for tasks that name none
 * @param where names the server in the keys of answers: its address, or what it serves
 * @throws StepFailure if there are no labels, or the examples or the prices cannot be read
 */
export async function askedBy(options: QueryTeacherOptions, known: readonly string[], where: string): Promise<Asked> {
  const { task } = options;
  const labels = isLabelTask(task) ? (task.labels ?? known) : [];
  if (isLabelTask(task) && labels.length < 2) {
    throw new StepFailure(
      'no-labels',
      labels.length === 0 ? 'the data has no labels, and the task names none' : 'there is one label only',
      'Name them: task: {mode: classify, labels: [spam, ham]}.',
    );
  }
  const brought = defaultPrompt(task, labels);
  const { speech, redact, revision, price } = await speechOf(options, where);
  const masked = (fields: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, redact(text)]));
  const given = options.examples === undefined ? [] : await readExamples(options.examples);
  const examples = given.map(({ fields, answer }) => ({ fields: masked(fields), answer: redact(answer) }));
  const user = options.prompt ?? brought.user;
  const prompt = { system: options.system ?? brought.system, user, examples };
  const inquiry = inquiryOf(task, labels, { ...speech, prompt });
  const taken = [...holesOf(user), ...('correct' in task && task.correct ? [task.correct.field] : [])];
  return { inquiry, labels, revision, price, fields: [...new Set(taken)].filter((name) => !SUBJECTS.has(name)) };
}

/** How a teacher is spoken to, whatever it is asked. */
export interface Speech extends Pick<Asked, 'revision' | 'price'> {
  readonly speech: Omit<InterviewOptions, 'prompt'>;
  readonly redact: InterviewOptions['redact'];
}

/**
 * @param where as in `askedBy`
 * @throws StepFailure if the prices cannot be read
 */
export async function speechOf(
  options: Pick<QueryTeacherOptions, 'teacher' | 'max_tokens' | 'corrections' | 'redact'>,
  where: string,
): Promise<Speech> {
  const { teacher } = options;
  const { provider, model } = teacherOf(teacher);
  const redact = redactor(options.redact);
  const speech = {
    baseUrl: where,
    model,
    abilities: {
      ...provider,
      logprobs: teacher.logprobs ?? provider.logprobs,
      jsonSchema: teacher.structured ?? provider.jsonSchema,
    },
    parameters: teacher.parameters as JsonObject,
    maxTokens: options.max_tokens,
    corrections: options.corrections,
    redact,
  };
  const price =
    typeof teacher.price === 'string'
      ? await priceFrom(teacher.price, [model, `${provider.name}/${model}`])
      : teacher.price;
  return { speech, redact, revision: `${model} at ${where}`, price };
}

/** What the keys of answers say of the server: its address; of a served model, which it is, wherever it is served. */
export function whereOf(
  { teacher }: Pick<QueryTeacherOptions, 'teacher'>,
  served: Pick<InputArtifact, 'digest'> | undefined,
): string {
  const { baseUrl } = teacherOf(teacher);
  if (baseUrl !== undefined) return baseUrl;
  if (served !== undefined) return `recipe:${served.digest}`;
  throw new StepFailure(
    'no-teacher',
    'provider recipe serves a model of this workplace, and the input "serve" is not given',
    'Give a model as "serve", or a base_url.',
  );
}

/** Fields that a mode adds to a row. */
const SUBJECTS: ReadonlySet<string> = new Set(['response']);
