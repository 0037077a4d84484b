import type { Foreseen, OptionProblem } from '../engine/step.js';
import { headOf } from '../methods/index.js';
import type { Fit } from '../methods/objective.js';
import type { TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import { type LogitsFacts, type ModelFacts, modelFacts, teacherFacts } from './foresight.js';
import { checkObjective, type Taught } from './preflight.js';

/**
 * Objectives that do not fit what the recipe says of student and teacher, before there is one: the checks are those that
 * a training begins with.
 */
export function misfitsOf(options: TrainOptions, known: Foreseen): OptionProblem[] {
  const student = modelFacts(options, known);
  if (student === undefined) return [];
  const teachers = teacherFacts(known);
  return (options.stages ?? []).flatMap(({ objectives }, stage) =>
    objectives.flatMap((entry, i): OptionProblem[] => {
      const teacher = 'teacher' in entry ? teachers[entry.teacher - 1] : undefined;
      if (teacher === undefined) return [];
      try {
        checkObjective(entry, headOf(options.task), taughtBy(teacher, student), teachers.length);
        return [];
      } catch (error) {
        if (!(error instanceof StepFailure)) throw error;
        const { message, hint } = error;
        return [{ pointer: `/stages/${stage}/objectives/${i}`, message, ...(hint && { hint }) }];
      }
    }),
  );
}

function taughtBy(facts: ModelFacts | LogitsFacts, student: ModelFacts): Taught {
  const teacher = facts.of === 'model' ? facts : facts.teacher;
  const fit: Fit = {
    layers: { student: student.layers, teacher: teacher.layers },
    studentHidden: student.hidden,
    teacherHidden: teacher.hidden,
    studentHeads: student.heads,
    teacherHeads: teacher.heads,
    studentValues: valuesOf(student),
    teacherValues: valuesOf(teacher),
    // Which they are is of no account before there is one.
    teacherSimilarity: teacher.task === 'matching' ? { scale: 1, bias: 0 } : undefined,
  };
  const head = headOf(teacher.task);
  if (facts.of === 'model') return { fit, live: { model: { config: { type: teacher.type, head } } } };
  const { hiddenStates, attention } = facts;
  const index = {
    teacher: { name: teacher.type },
    // A model that is trained for labels has some.
    labels: head === 'language-model' ? [] : ['a label'],
    tokenizer: 'its own',
    hiddenStates,
    attention,
    values: { layers: facts.values },
    ...(facts.vectors && { vectors: teacher.hidden }),
    tokens: head === 'language-model' ? (facts.tokens ?? null) : null,
  };
  return { fit, index };
}

const valuesOf = ({ hidden, heads, valueHeads }: ModelFacts): Fit['studentValues'] => ({
  heads: valueHeads,
  width: hidden / heads,
});
