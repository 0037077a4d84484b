import type { Row } from '../../data/dataset.js';
import type { Request } from './asker.js';
import type { Answered } from './client.js';
import { RequestFailure } from './failure.js';
import { type Ask, Interview, type InterviewOptions, type Order } from './interview.js';
import { LabelReader, labelProbabilities, voteProbabilities } from './labels.js';
import { type LabelTask, labelMode } from './modes/index.js';
import { noAnswer } from './modes/mode.js';

/** What a teacher says of a row's label. */
export type LabelAnswer =
  | {
      readonly label: number;
      /** In the order of the labels, sum 1; undefined if only the answer is wanted. */
      readonly probabilities: Float64Array | undefined;
      readonly from: 'logprobs' | 'votes' | 'answer';
      /** Part of the probability that could not be told apart between labels that begin alike. */
      readonly shared: number;
    }
  | { readonly invalid: string; readonly said: string };

/** Most alternatives of a token that any server gives. */
const MOST_ALTERNATIVES = 20;

/**
 * Asks for labels with their probabilities: from the log-probabilities of one answer's tokens, or, where the server has
 * none, from votes.
 */
export class LabelInterview {
  private readonly reader: LabelReader;
  private readonly single: Interview<number>;
  private readonly voting: Interview<number>;
  /** Whether log-probabilities are asked for. */
  private wants: boolean;
  /** Whether the server may turn out to have none. */
  private readonly open: boolean;
  /** Whether an answer had log-probabilities. */
  private seen = false;

  constructor(
    private readonly task: LabelTask,
    private readonly labels: readonly string[],
    options: InterviewOptions,
  ) {
    const { abilities } = options;
    this.reader = new LabelReader(labels);
    this.wants =
      task.soft_labels === 'logprobs' || (task.soft_labels === 'auto' && (abilities.logprobs ?? MOST_ALTERNATIVES) > 0);
    const alternatives = Math.min(abilities.logprobs || MOST_ALTERNATIVES, MOST_ALTERNATIVES);
    const asked = this.wants ? { logprobs: true, top_logprobs: alternatives } : {};
    this.open = this.wants && task.soft_labels === 'auto' && abilities.logprobs === undefined;
    this.single = new Interview(
      labelMode(task, labels, 1),
      {
        ...options,
        parameters: { ...asked, ...options.parameters },
        // A model that is held to a schema is made certain of what it was not.
        ...(this.wants ? { abilities: { ...abilities, jsonSchema: false } } : {}),
      },
      this.wants ? (reply) => this.missing(reply) : undefined,
    );
    this.voting = new Interview(labelMode(task, labels, task.votes), options);
  }

  /** The requests that a row begins with. */
  requests(row: Row): readonly Request[] {
    return this.first.requests(row);
  }

  async answer(row: Row, ask: Ask, order: Order): Promise<LabelAnswer> {
    try {
      return await this.answerOnce(row, ask, order);
    } catch (error) {
      const without = error instanceof RequestFailure && error.kind === 'parameter' && error.param === 'logprobs';
      if (!without || !this.open || this.seen) throw error;
      this.wants = false;
      return this.answerOnce(row, ask, order);
    }
  }

  private async answerOnce(row: Row, ask: Ask, order: Order): Promise<LabelAnswer> {
    const { soft_labels } = this.task;
    const found = await this.first.answer(row, ask, order);
    if ('invalid' in found) return found;
    const label = found.values[0] as number;
    if (soft_labels === 'none') return { label, probabilities: undefined, from: 'answer', shared: 0 };
    if (!this.wants) return this.counted(found.values);
    const choice = found.replies.at(-1)?.choices[0];
    const where = choice && this.reader.find(choice.text);
    const tokens = choice?.logprobs;
    if (tokens) this.seen = true;
    const told = where && tokens && labelProbabilities(this.labels, choice.text, where, tokens);
    if (told) return { label, probabilities: told.probabilities, from: 'logprobs', shared: told.shared };
    const votes = await this.voting.answer(row, ask, order);
    return 'invalid' in votes ? votes : this.counted(votes.values);
  }

  private get first(): Interview<number> {
    return this.wants || this.task.soft_labels === 'none' ? this.single : this.voting;
  }

  private counted(votes: readonly number[]): LabelAnswer {
    const probabilities = voteProbabilities(this.labels.length, votes);
    return { label: probabilities.indexOf(Math.max(...probabilities)), probabilities, from: 'votes', shared: 0 };
  }

  /** A server that has log-probabilities, and gave none with an answer this once, is asked again. */
  private missing({ choices }: Answered): string | undefined {
    const answers = choices.filter((choice) => noAnswer(choice) === undefined);
    if (answers.some(({ logprobs }) => logprobs !== undefined)) this.seen = true;
    const lacking = answers.length > 0 && answers.every(({ logprobs }) => logprobs === undefined);
    return lacking && (!this.open || this.seen) ? 'the answer came without log-probabilities' : undefined;
  }
}
