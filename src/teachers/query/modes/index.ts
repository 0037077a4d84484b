import type { QueryTeacherOptions } from '../../../options/query-teacher.js';
import { classify } from './classify.js';
import { generate } from './generate.js';
import { judge } from './judge.js';
import type { Mode } from './mode.js';
import { score } from './score.js';
import { tag } from './tag.js';

export type Task = QueryTeacherOptions['task'];

/** Tasks whose answer is one of some labels; values are indices. */
export type LabelTask = Extract<Task, { soft_labels: string }>;
export const isLabelTask = (task: Task): task is LabelTask => 'soft_labels' in task;

/** The mode of a task that asks for labels. */
export function labelMode(task: LabelTask, labels: readonly string[], samples: number): Mode<number> {
  if (task.mode === 'classify') {
    return classify({ labels, descriptions: task.descriptions, user: '{{text}}', samples });
  }
  const user = 'First text:\n{{text}}\n\nSecond text:\n{{pair}}';
  const mode = classify({ labels, descriptions: {}, user, samples });
  return { ...mode, system: `${task.question}\nAnswer with ${labels.join(' or ')}, and nothing else.` };
}

/** The mode of any other task. Its values are its own; nobody else looks into them. */
export function modeOf(task: Exclude<Task, LabelTask>, maxTokens: number | undefined): Mode<unknown> {
  switch (task.mode) {
    case 'tag':
      return tag(task.labels) as Mode<unknown>;
    case 'score':
      return score({ ...task, user: '{{text}}' }) as Mode<unknown>;
    case 'generate':
      return generate({ ...task, correct: task.correct, maxTokens: maxTokens ?? GENERATED }) as Mode<unknown>;
    case 'judge':
      return judge({ ...task, atLeast: task.at_least }) as Mode<unknown>;
  }
}

/** Tokens of a generated text where the recipe does not say. */
const GENERATED = 512;
