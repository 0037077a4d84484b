import type { Row } from '../../data/dataset.js';
import type { Request } from './asker.js';
import { type Ask, Interview, type InterviewOptions, type Order } from './interview.js';
import { LabelInterview } from './label-interview.js';
import { isLabelTask, labelMode, modeOf, type Task } from './modes/index.js';

/** What a teacher was found to say of a row. */
export interface Finding {
  /** The row with the answer in it; undefined if a judge left nothing of it. */
  readonly row: Row | undefined;
  /** Logarithms of the labels' probabilities, where they are asked for. */
  readonly logProbabilities?: Float32Array;
  /** Where they come from. */
  readonly from?: 'logprobs' | 'votes' | 'answer';
  /** Probability that could not be told apart between labels that begin alike. */
  readonly shared?: number;
}

export type Outcome = Finding | { readonly invalid: string; readonly said: string };

/** One task as questions about rows. What it finds depends on the answers alone, whoever gives them. */
export interface Inquiry {
  /** The requests that a row begins with. */
  requests(row: Row): readonly Request[];
  find(row: Row, ask: Ask, order?: Order): Promise<Outcome>;
}

/** @param labels of a task that asks for labels */
export function inquiryOf(task: Task, labels: readonly string[], options: InterviewOptions): Inquiry {
  if (isLabelTask(task)) {
    const interview = new LabelInterview(task, labels, options);
    return {
      requests: (row) => interview.requests(row),
      async find(row, ask, order = 'in-turn') {
        const answer = await interview.answer(row, ask, order);
        if ('invalid' in answer) return answer;
        const { label, probabilities, from, shared } = answer;
        return {
          row: { ...row, label: labels[label] as string },
          ...(probabilities && { logProbabilities: Float32Array.from(probabilities, Math.log) }),
          from,
          shared,
        };
      },
    };
  }
  const mode = modeOf(task, options.maxTokens);
  const interview = new Interview(mode, options);
  return {
    requests: (row) => interview.requests(row),
    async find(row, ask, order = 'in-turn') {
      const answer = await interview.answer(row, ask, order);
      return 'invalid' in answer ? answer : { row: mode.write(row, answer.values) };
    },
  };
}

/** The system message and the prompt that a task brings along. */
export function defaultPrompt(task: Task, labels: readonly string[]): { system: string; user: string } {
  return isLabelTask(task) ? labelMode(task, labels, 1) : modeOf(task, undefined);
}
