import type { OptionProblem } from '../../engine/step.js';
import type { TrainMultitaskOptions } from '../../options/train-multitask.js';
import { modelProblems } from '../model-problems.js';
import { problemsOf } from '../problems.js';
import { entryProblems } from './problems.js';
import { placed, taskOptions } from './task-options.js';

/** What is wrong with the options of `train-multitask` that no schema can say. */
export function multitaskProblems(options: TrainMultitaskOptions): OptionProblem[] {
  const { tasks, model, validate } = options;
  return [
    ...modelProblems({ model }),
    ...tasks.flatMap((task, k) => {
      const own = taskOptions(options, k);
      return [
        ...nameProblems(tasks, k),
        ...[...problemsOf(own), ...entryProblems(own.stages[0], 0, 'a task has one teacher')].map((each) =>
          placed(each, k),
        ),
        ...teacherProblems(task, k),
        ...judgeProblems(task, k, validate !== undefined),
      ];
    }),
    ...(validate && tasks.every(({ validation }) => validation === undefined)
      ? [
          {
            pointer: '/validate',
            message: 'no task has rows to be judged by',
            hint: 'Give a task "validation", such as the validation split of a sample-data step, or leave validate out',
          },
        ]
      : []),
  ];
}

type Tasks = TrainMultitaskOptions['tasks'];
type Task = Tasks[number];

function nameProblems(tasks: Tasks, k: number): OptionProblem[] {
  const { name } = tasks[k] as Task;
  if (name === 'history') {
    const message = 'the output "history" tells how the training went, so no task is called that';
    return [{ pointer: `/tasks/${k}/name`, message, hint: 'Give it another name' }];
  }
  const before = tasks.findIndex((other) => other.name === name);
  if (before === k) return [];
  const message = `tasks ${before + 1} and ${k + 1} are both called "${name}", and a task's output has its name`;
  return [{ pointer: `/tasks/${k}/name`, message, hint: 'Give each a name of its own' }];
}

function teacherProblems({ objectives, teacher }: Task, k: number): OptionProblem[] {
  const learns = objectives.findIndex((entry) => 'teacher' in entry);
  if (teacher === undefined && learns >= 0) {
    const message = `objective "${objectives[learns]?.type}" learns from a teacher, and the task has none`;
    const hint = 'Give the output of a cache-logits step, or a model, as "teacher", or leave the objective out';
    return [{ pointer: `/tasks/${k}/objectives/${learns}`, message, hint }];
  }
  if (teacher === undefined || learns >= 0) return [];
  const message = 'no objective of the task learns from its teacher';
  return [{ pointer: `/tasks/${k}/teacher`, message, hint: 'Add soft-label, or leave teacher out' }];
}

function judgeProblems({ validation, metric }: Task, k: number, judged: boolean): OptionProblem[] {
  if (validation !== undefined && !judged) {
    const message = 'the task has rows to be judged by, and nothing is judged';
    return [{ pointer: `/tasks/${k}/validation`, message, hint: 'Add validate: {} beside tasks, or leave it out' }];
  }
  if (metric === undefined || validation !== undefined) return [];
  const message = 'the task is judged by nothing, so it has no metric';
  return [{ pointer: `/tasks/${k}/metric`, message, hint: 'Give it "validation", or leave metric out' }];
}
