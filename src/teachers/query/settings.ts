import { holesOf } from '../../data/template.js';
import type { InputArtifact } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import { StepFailure } from '../../util/failure.js';
import type { JsonObject } from '../../util/json.js';
import { defaultPrompt, type Inquiry, inquiryOf } from './inquiry.js';
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
  const { task, teacher } = options;
  const { provider, model } = teacherOf(teacher);
  const labels = isLabelTask(task) ? (task.labels ?? known) : [];
  if (isLabelTask(task) && labels.length < 2) {
    throw new StepFailure(
      'no-labels',
      labels.length === 0 ? 'the data has no labels, and the task names none' : 'there is one label only',
      'Name them: task: {mode: classify, labels: [spam, ham]}.',
    );
  }
  const brought = defaultPrompt(task, labels);
  const redact = redactor(options.redact);
  const masked = (fields: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, redact(text)]));
  const given = options.examples === undefined ? [] : await readExamples(options.examples);
  const examples = given.map(({ fields, answer }) => ({ fields: masked(fields), answer: redact(answer) }));
  const user = options.prompt ?? brought.user;
  const inquiry = inquiryOf(task, labels, {
    baseUrl: where,
    model,
    abilities: {
      ...provider,
      logprobs: teacher.logprobs ?? provider.logprobs,
      jsonSchema: teacher.structured ?? provider.jsonSchema,
    },
    parameters: teacher.parameters as JsonObject,
    maxTokens: options.max_tokens,
    prompt: { system: options.system ?? brought.system, user, examples },
    corrections: options.corrections,
    redact,
  });
  const revision = `${model} at ${where}`;
  const taken = [...holesOf(user), ...('correct' in task && task.correct ? [task.correct.field] : [])];
  const price =
    typeof teacher.price === 'string'
      ? await priceFrom(teacher.price, [model, `${provider.name}/${model}`])
      : teacher.price;
  return { inquiry, labels, revision, price, fields: [...new Set(taken)].filter((name) => !SUBJECTS.has(name)) };
}

/** What the keys of answers say of the server: its address; of a served model, which it is, wherever it is served. */
export function whereOf({ teacher }: QueryTeacherOptions, served: Pick<InputArtifact, 'digest'> | undefined): string {
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
