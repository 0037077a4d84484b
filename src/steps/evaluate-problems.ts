import type { OptionProblem } from '../engine/step.js';
import type { EvaluateOptions } from '../options/evaluate.js';
import { type Expect, isMeasured, type Wanted, wantedOf } from '../report/expect.js';
import { COMPARED, TASK_FIGURES } from '../report/task-figures.js';

/** What is known of a teacher of which only the answers are here. */
const OF_ANSWERS: readonly string[] = [...TASK_FIGURES.classification, 'usd_per_million'];

/** Whether an input is given. */
type Has = (input: string) => boolean;

/**
 * Says what is expected of models that are not there, and that there are none at all.
 * @param options as the engine checks them: the names of inputs that are given are among the keys
 */
export function evaluateProblems(options: {
  readonly task: EvaluateOptions['task'];
  readonly expect?: Expect;
  readonly cost?: boolean;
}): OptionProblem[] {
  const has: Has = (name) => Object.hasOwn(options, name);
  const problems: OptionProblem[] = [];
  if (has('teacher') && has('answers')) {
    const message = 'both "teacher" and "answers" are given, and there is one teacher';
    problems.push({ pointer: '/answers', message, hint: 'Leave one out' });
  }
  if (!['students', 'teacher', 'answers'].some(has)) {
    const message = 'there is no model to evaluate';
    const hint = 'Give "students", or "teacher", or what a teacher answered as "answers"';
    problems.push({ pointer: '', message, hint });
  }
  if (has('ngram_data') && options.task !== 'generation') {
    const message = `"ngram_data" is for task "generation", and the task is "${options.task}"`;
    problems.push({ pointer: '/ngram_data', message, hint: 'Leave it out' });
  }
  if (options.cost && (options.task === 'masked-language-model' || options.task === 'generation')) {
    const message = `costs are of models that answer, and the task is "${options.task}"`;
    problems.push({ pointer: '/cost', message, hint: 'Leave it out' });
  }
  if (has('slices') && TASK_FIGURES[options.task].length === 0) {
    const message = `task "${options.task}" has no figures by the values of a field`;
    problems.push({ pointer: '/slices', message, hint: 'Leave it out' });
  }
  for (const wanted of wantedOf(options.expect ?? {})) {
    const pointer = `/expect/${wanted.of === 'teacher' ? 'teacher/' : ''}${wanted.figure}`;
    const lack =
      lackOfTask(wanted, options.task) ??
      (wanted.of === 'teacher' ? lackOfTeacher(wanted, has) : lackOfStudent(wanted, has));
    if (lack) problems.push({ pointer, message: `"expect" names ${wanted.figure}${lack[0]}`, hint: lack[1] });
  }
  return problems;
}

/** What is wrong, after the figure's name, and what to do. */
type Lack = readonly [what: string, hint: string] | undefined;

/** What a model is and what it costs can be said of all tasks. */
function lackOfTask({ of, figure }: Wanted, task: EvaluateOptions['task']): Lack {
  if (TASK_FIGURES[task].length === 0) return [`, and task "${task}" has no expectations`, 'Leave it out'];
  const known: readonly string[] = [...TASK_FIGURES[task], ...(of === 'student' ? COMPARED : [])];
  if (['parameters', 'bytes'].includes(figure) || isMeasured({ figure })) return undefined;
  return known.includes(figure) ? undefined : [`, which task "${task}" has not`, `It has ${known.join(', ')}`];
}

function lackOfTeacher({ figure }: Wanted, has: Has): Lack {
  if (has('teacher')) return undefined;
  if (!has('answers')) return [' of the teacher, and there is none', 'Give the input "teacher" or "answers"'];
  if (!OF_ANSWERS.includes(figure)) {
    return [' of the teacher, of which only the answers are here', `It may name ${OF_ANSWERS.join(', ')}`];
  }
  if (figure === 'usd_per_million' && !has('usage')) {
    return [' of the teacher, whose bill is not known', 'Give the input "usage"'];
  }
  return undefined;
}

function lackOfStudent({ figure }: Wanted, has: Has): Lack {
  if (!has('students')) {
    return [' of a student, and there is none', 'Give the input "students", or write it below "teacher"'];
  }
  if (has('teacher') || !['retention', 'agreement', 'size_ratio', 'price_ratio'].includes(figure)) return undefined;
  const compares = ', which compares the student with a teacher';
  if (!has('answers')) return [`${compares}, and there is none`, 'Give the input "teacher", or leave it out'];
  if (figure === 'size_ratio') {
    return [`${compares}, of which only the answers are here`, 'Leave it out, or expect parameters'];
  }
  if (figure === 'price_ratio' && !has('usage')) {
    return [`${compares}, whose bill is not known`, 'Give the input "usage"'];
  }
  return undefined;
}
