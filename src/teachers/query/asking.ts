import type { StepContext } from '../../engine/step.js';
import type { QueryTeacherOptions } from '../../options/query-teacher.js';
import { StepFailure } from '../../util/failure.js';
import type { JsonObject } from '../../util/json.js';
import type { Answers } from './answers.js';
import { Asker } from './asker.js';
import { Client } from './client.js';
import { Pace } from './pace.js';
import type { Price } from './price.js';
import { teacherOf } from './providers.js';

/** What it takes to ask a server. */
export interface Asking {
  readonly asker: Asker;
  readonly pace: Pace;
  readonly answers: Answers;
  readonly client: Client;
}

/** Whom, how fast, and for how much. */
export type AskingOptions = Pick<QueryTeacherOptions, 'teacher' | 'rate' | 'budget'>;

type Context = Pick<StepContext<unknown>, 'signal' | 'now' | 'variable'>;

/** @param baseUrl where the server really is */
export function openAsking(
  ctx: Context,
  options: AskingOptions,
  answers: Answers,
  price: Price | undefined,
  baseUrl: string,
): Asking {
  const { rate, budget } = options;
  const { signal, now } = ctx;
  const timeoutMs = 1000 * rate.timeout;
  const clients = keysOf(ctx, options).map((key) => new Client({ baseUrl, key, timeoutMs, signal, now }));
  const pace = new Pace(clients, {
    concurrency: rate.concurrency,
    requestsPerMinute: rate.requests_per_minute,
    tokensPerMinute: rate.tokens_per_minute,
    signal,
    now,
  });
  const bounded = budget.usd !== undefined || budget.tokens !== undefined;
  const asker = new Asker({ answers, pace, price, bounded, retries: rate.retries, signal });
  return { asker, pace, answers, client: clients[0] as Client };
}

/** The recipe's keys, or the one that the provider's variable holds; one that is undefined: none is sent. */
function keysOf(ctx: Context, { teacher }: AskingOptions): (string | undefined)[] {
  if (teacher.api_key !== undefined) return [teacher.api_key].flat();
  const { variable } = teacherOf(teacher).provider;
  return [variable === undefined || teacher.base_url !== undefined ? undefined : ctx.variable(variable)];
}

/** @param done what is done so far, a clause */
export function outOfBudget(budget: AskingOptions['budget'], asker: Asker, done: string): StepFailure {
  const { spent, reserved } = asker.balance();
  const usd = (nanousd: number): string => `$${(nanousd / 1e9).toFixed(4)}`;
  const parts = [
    ...(budget.usd === undefined ? [] : [`${usd(spent.nanousd)} of $${budget.usd} spent`]),
    ...(budget.tokens === undefined ? [] : [`${spent.tokens} of ${budget.tokens} tokens used`]),
  ];
  const open = budget.usd === undefined ? `${reserved.tokens} tokens` : usd(reserved.nanousd);
  const held = reserved.tokens === 0 ? '' : `, ${open} set aside for requests whose end is not known`;
  return new StepFailure(
    'budget',
    `the budget has no room for another question: ${parts.join(', ')}${held}; ${done}`,
    'Raise "budget" and run the recipe again: it goes on where it stopped, and nothing is paid for twice.',
  );
}

/**
 * What this run took of the servers that it asked on one account.
 * @param made rows that came of it, and what their answers have cost, whenever they were paid for
 */
export function usageOf(
  askers: readonly [Asker, ...Asker[]],
  seconds: number,
  made: { readonly rows: number; readonly usd: number },
): JsonObject {
  const sum = (count: keyof Asker['counts']): number => askers.reduce((total, { counts }) => total + counts[count], 0);
  return {
    requests: sum('sent'),
    repeated: sum('again'),
    slow_downs: sum('slowDowns'),
    stored_answers: sum('found'),
    prompt_tokens: sum('prompt'),
    completion_tokens: sum('completion'),
    usd: sum('nanousd') / 1e9,
    usd_in_all: askers[0].balance().spent.nanousd / 1e9,
    seconds,
    usd_a_thousand: (1000 * made.usd) / Math.max(1, made.rows),
  };
}
