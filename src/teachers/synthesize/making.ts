import { type Row, rowId } from '../../data/dataset.js';
import { wellFormed } from '../../data/text.js';
import type { StepContext } from '../../engine/step.js';
import { StepFailure } from '../../util/failure.js';
import type { Outcome } from '../query/inquiry.js';
import type { Cell } from './cells.js';
import { type Likeness, Pool } from './pool.js';
import type { Respondent } from './respondent.js';
import { meaningOf, type Wish, type Wishing, wishesOf } from './wishes.js';

/** A text that is not kept, and why. */
export interface Rejected {
  readonly text: string;
  readonly label: string;
  readonly topic: string | undefined;
  readonly reason: string;
}

/** What came of all asking. */
export interface Made {
  /** By cell, each text once. */
  readonly kept: readonly (readonly Row[])[];
  readonly rejected: readonly Rejected[];
  readonly counts: Readonly<Record<Fate, number>>;
  readonly rounds: number;
  readonly requests: number;
}

export const FATES = ['kept', 'like a seed', 'like another', 'judged not to fit', 'more than wanted'] as const;
export type Fate = (typeof FATES)[number];

export interface MakingOptions {
  readonly cells: readonly Cell[];
  readonly seeds: readonly Row[];
  readonly near: number;
  readonly rounds: number;
  readonly wishing: Wishing;
  /** Least probability of yes. */
  readonly threshold: number;
}

/** A text that is new, on its way to the judge. */
interface Draft {
  readonly cell: number;
  readonly row: Row;
}

/**
 * Asks for what is missing of each cell, in rounds, until nothing is or they are used up. What is asked next follows from
 * what was answered alone, so another run asks the same and finds all of it answered.
 * @param judge undefined: nobody judges
 * @throws StepFailure if the first answers hold no texts, the budget is used up, or a server fails
 */
export async function make(
  ctx: Pick<StepContext<unknown>, 'log'>,
  writer: Respondent,
  judge: Respondent | undefined,
  options: MakingOptions,
): Promise<Made> {
  const making = new Making(options, judge);
  for (let round = 1; round <= options.rounds && making.wishes.length > 0; round++) {
    const wishes = making.wishes;
    const phase = `round ${round} of at most ${options.rounds}`;
    const unit = 'requests';
    const outcomes = await writer.ask(
      wishes.map(({ row }) => row),
      { unit, phase: `${phase}, writing` },
      making.standing,
    );
    const drafts = making.read(wishes, outcomes);
    if (round === 1 && making.written === 0) throw nothing(outcomes);
    await making.judge(drafts, `${phase}, judging`);
    making.wish();
    ctx.log('info', `${phase}: ${making.standing}`);
  }
  return making.made();
}

function nothing(outcomes: readonly Outcome[]): StepFailure {
  const reasons = outcomes.flatMap((outcome) => ('invalid' in outcome ? [outcome.invalid] : []));
  return new StepFailure(
    'invalid-answers',
    `none of the ${outcomes.length} answers holds texts: ${[...new Set(reasons)].slice(0, 3).join('; ')}`,
    'Change the prompt, texts_per_request (1 asks for plain text), max_tokens or the model. Answers are kept.',
  );
}

class Making {
  /** What is to be asked for now. */
  wishes: Wish[] = [];
  written = 0;
  private readonly kept: Row[][];
  private readonly rejected: Rejected[] = [];
  private readonly counts = Object.fromEntries(FATES.map((fate) => [fate, 0])) as Record<Fate, number>;
  private readonly pool: Pool;
  /** Requests so far, by cell. */
  private readonly asked: number[];
  private rounds = 0;

  constructor(
    private readonly options: MakingOptions,
    private readonly respondent: Respondent | undefined,
  ) {
    const { cells, seeds, near, wishing } = options;
    this.kept = cells.map(() => []);
    this.asked = cells.map(() => 0);
    this.pool = new Pool(seeds, near, wishing.seed);
    this.wish();
  }

  get standing(): string {
    const wanted = this.options.cells.reduce((sum, cell) => sum + cell.wanted, 0);
    return `${this.counts.kept} of ${wanted} texts are kept`;
  }

  /** Asks for what is missing. */
  wish(): void {
    const { cells, wishing } = this.options;
    this.wishes = cells.flatMap((cell, i) => {
      const own = wishesOf(cell, i, cell.wanted - this.keptOf(i).length, this.asked[i] as number, wishing);
      this.asked[i] = (this.asked[i] as number) + own.length;
      return own;
    });
  }

  /** Texts that are like no other. */
  read(wishes: readonly Wish[], outcomes: readonly Outcome[]): Draft[] {
    this.rounds++;
    return wishes.flatMap(({ cell }, i) => {
      const outcome = outcomes[i] as Outcome;
      const texts = 'invalid' in outcome ? [] : (outcome.row?.responses ?? []);
      return texts.flatMap((text) => this.draft(wellFormed(text), cell));
    });
  }

  private draft(text: string, cell: number): Draft[] {
    const { label, topic } = this.options.cells[cell] as Cell;
    this.written++;
    const likeness: Likeness = this.pool.add(text);
    if (likeness === 'new') return [{ cell, row: { id: rowId(text), text, label, synthetic: true } }];
    this.reject(likeness, { text, label, topic, reason: likeness });
    return [];
  }

  /** Keeps what fits its label, and no more than is wanted. */
  async judge(drafts: readonly Draft[], phase: string): Promise<void> {
    const { cells, threshold } = this.options;
    const fits = await this.fitting(drafts, phase);
    drafts.forEach(({ cell, row }, i) => {
      const { label, topic, wanted } = cells[cell] as Cell;
      const own = this.keptOf(cell);
      const fit = fits[i] as number;
      const { text } = row;
      if (fit < threshold) {
        const reason = `judged not to fit: ${fit.toFixed(2)}`;
        this.reject('judged not to fit', { text, label, topic, reason });
      } else if (own.length === wanted) {
        this.reject('more than wanted', { text, label, topic, reason: 'more than wanted' });
      } else {
        own.push(row);
        this.counts.kept++;
      }
    });
  }

  made(): Made {
    const { kept, rejected, counts, rounds } = this;
    // The last wishes were not asked.
    const requests = this.asked.reduce((sum, count) => sum + count, 0) - this.wishes.length;
    return { kept, rejected, counts, rounds, requests };
  }

  /** How probable it is that each text has its label; 0 where the judge does not say. */
  private async fitting(drafts: readonly Draft[], phase: string): Promise<number[]> {
    if (this.respondent === undefined || drafts.length === 0) return drafts.map(() => 1);
    const { descriptions } = this.options.wishing;
    const rows = drafts.map(({ row: { id, text, label } }): Row => {
      const fields = { label: label as string, meaning: meaningOf(label as string, descriptions) };
      return { id, text, label: null, fields };
    });
    const outcomes = await this.respondent.ask(rows, { unit: 'texts', phase }, this.standing);
    return outcomes.map((outcome) => {
      if ('invalid' in outcome) return 0;
      const yes = outcome.logProbabilities?.[1];
      return yes === undefined ? Number(outcome.row?.label === 'yes') : Math.exp(yes);
    });
  }

  private reject(fate: Fate, rejected: Rejected): void {
    this.counts[fate]++;
    this.rejected.push(rejected);
  }

  private keptOf(cell: number): Row[] {
    return this.kept[cell] as Row[];
  }
}
