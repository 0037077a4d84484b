import type { Row } from '../../data/dataset.js';
import type { StepContext } from '../../engine/step.js';
import { StepFailure } from '../../util/failure.js';
import type { Answers } from '../query/answers.js';
import { OutOfBudget } from '../query/asker.js';
import { type Asking, type AskingOptions, openAsking, outOfBudget } from '../query/asking.js';
import { RequestFailure } from '../query/failure.js';
import { parameterFailure } from '../query/giving-up.js';
import type { Inquiry, Outcome } from '../query/inquiry.js';
import { keyOf } from '../query/key.js';
import { costOf, type Price } from '../query/price.js';
import { askAll, type Unanswered } from '../query/round.js';

type Context = Pick<StepContext<unknown>, 'signal' | 'now' | 'variable' | 'progress'>;

/** Whom to ask what, on whose account. */
export interface Post {
  readonly options: AskingOptions;
  readonly inquiry: Inquiry;
  readonly price: Price | undefined;
  /** Where the server really is. */
  readonly baseUrl: string;
}

/** Someone who is asked about rows that become known as answers come in. */
export class Respondent {
  readonly asker: Asking['asker'];
  /** What the answers that were read have cost, whenever they were paid for. */
  nanousd = 0;
  private readonly asking: Asking;

  constructor(
    private readonly ctx: Context,
    private readonly post: Post,
    private readonly answers: Answers,
  ) {
    this.asking = openAsking(ctx, post.options, answers, post.price, post.baseUrl);
    this.asker = this.asking.asker;
  }

  /**
   * What is answered to each row, in their order; what was answered before is not asked again.
   * @param what unit and phase for people; @param done what the step has so far, a clause
   * @throws StepFailure if the budget is used up, or the server fails
   */
  async ask(
    rows: readonly Row[],
    what: { readonly unit: string; readonly phase: string },
    done: string,
  ): Promise<Outcome[]> {
    const { inquiry, options, baseUrl } = this.post;
    const { asker, pace } = this.asking;
    let unanswered: Unanswered;
    try {
      unanswered = await askAll(each(rows), {
        inquiry,
        asker,
        pace,
        total: rows.length,
        // What is missing is asked for again: how often is bounded elsewhere.
        maxInvalid: 1,
        signal: this.ctx.signal,
        progress: (answered) => this.ctx.progress({ done: answered, total: rows.length, ...what, ...this.spending() }),
      });
    } catch (error) {
      if (error instanceof OutOfBudget) throw outOfBudget(options.budget, asker, done);
      if (error instanceof RequestFailure) throw parameterFailure(error, baseUrl, options.teacher.model);
      throw error;
    }
    const outcomes: Outcome[] = [];
    for (const row of rows) outcomes.push(await this.read(row, unanswered));
    return outcomes;
  }

  private spending(): { readonly cost?: number } {
    if (this.post.price === undefined) return {};
    return { cost: this.asker.balance().spent.nanousd / 1e9 };
  }

  /** From what is kept alone, so that a later run reads the same. */
  private read(row: Row, unanswered: Unanswered): Promise<Outcome> {
    return this.post.inquiry.find(row, async ({ question }) => {
      const reply = this.answers.get(keyOf(question));
      if (reply !== undefined) {
        this.nanousd += costOf(reply.usage, this.post.price).nanousd;
        return reply;
      }
      const why = unanswered.get(row.id);
      if (why !== undefined) throw new RequestFailure('row', why);
      throw new StepFailure('not-kept', `the answer to ${row.id} is not the one that was kept`, 'Run it again.');
    });
  }
}

async function* each(rows: readonly Row[]): AsyncGenerator<Row> {
  yield* rows;
}
