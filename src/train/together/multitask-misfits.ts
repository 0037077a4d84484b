import type { Foreseen, OptionProblem } from '../../engine/step.js';
import { headOf, objectiveOf } from '../../methods/index.js';
import type { Objective } from '../../options/train.js';
import type { TrainMultitaskOptions } from '../../options/train-multitask.js';
import { StepFailure } from '../../util/failure.js';
import { misfitsOf } from '../misfits.js';
import { knownOf, placed, taskOptions } from './task-options.js';

/** Objectives that make no sense for their task, or do not fit what is known of its teacher. */
export const multitaskMisfits = (options: TrainMultitaskOptions, known: Foreseen): OptionProblem[] =>
  options.tasks.flatMap(({ task, objectives }, k) => {
    const strange = objectives.flatMap((entry, i): OptionProblem[] => {
      try {
        objectiveOf(entry as Objective, headOf(task));
        return [];
      } catch (error) {
        if (!(error instanceof StepFailure)) throw error;
        const { message, hint } = error;
        return [{ pointer: `/tasks/${k}/objectives/${i}`, message, ...(hint && { hint }) }];
      }
    });
    if (strange.length > 0) return strange;
    return misfitsOf(taskOptions(options, k), knownOf(options, k, known)).map((each) => placed(each, k));
  });
