import { readFile } from 'node:fs/promises';
import { StepFailure } from '../../util/failure.js';
import type { Price } from './price.js';

/** Names that are told of a file that does not have the one that is looked for. */
const SHOWN = 5;

/**
 * A model's price in a table of many: a JSON file with an object for each model, either as a recipe has it (`input`,
 * `cached_input` and `output`, dollars for a million tokens) or as LiteLLM's `model_prices_and_context_window.json`
 * (`input_cost_per_token`, `cache_read_input_token_cost` and `output_cost_per_token`, dollars for one).
 *
 * @param names of the model, the first that is there counts
 * @throws StepFailure if the file is no such table, or has none of the names
 */
export async function priceFrom(file: string, names: readonly string[]): Promise<Price> {
  const table = await readTable(file);
  const name = names.find((each) => Object.hasOwn(table, each));
  if (name === undefined) {
    const known = Object.keys(table);
    const near = known.filter((each) => names.some((asked) => each.includes(asked) || asked.includes(each)));
    const shown = [...new Set([...near, ...known])].slice(0, SHOWN);
    throw new StepFailure(
      'no-price',
      `${file} has no price of ${JSON.stringify(names[0])}`,
      `It has ${shown.join(', ')}${known.length > SHOWN ? `, and ${known.length - shown.length} more` : ''}.`,
    );
  }
  const price = priceOf(table[name]);
  if (price !== undefined) return price;
  throw new StepFailure(
    'no-price',
    `${file}: what it says of ${JSON.stringify(name)} is no price`,
    'A price has "input" and "output", in dollars for a million tokens.',
  );
}

async function readTable(file: string): Promise<Readonly<Record<string, unknown>>> {
  let table: unknown;
  try {
    table = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new StepFailure('no-price', `${file} cannot be read as JSON: ${(error as Error).message}`);
  }
  if (typeof table === 'object' && table !== null && !Array.isArray(table)) return table as Record<string, unknown>;
  throw new StepFailure('no-price', `${file} holds no object with a price for each model`);
}

function priceOf(entry: unknown): Price | undefined {
  const numbers = (entry ?? {}) as Readonly<Record<string, unknown>>;
  const read = (name: string, perToken: string): number | undefined => {
    const [million, one] = [numbers[name], numbers[perToken]];
    // Seven digits: 4e-7 for a token is 0.4 for a million.
    const found = typeof one === 'number' ? Number((one * 1e6).toPrecision(7)) : million;
    return typeof found === 'number' && found >= 0 ? found : undefined;
  };
  const [input, output] = [read('input', 'input_cost_per_token'), read('output', 'output_cost_per_token')];
  if (input === undefined || output === undefined) return undefined;
  const cached = read('cached_input', 'cache_read_input_token_cost');
  return { input, output, ...(cached !== undefined && { cached_input: cached }) };
}
