import { SAYS, type Says } from '../models/imported/imported.js';
import { StepFailure } from '../util/failure.js';

/** How a recipe's mapping meets the names that a graph has. */

const list = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));

/**
 * What a graph is fed, by name.
 *
 * @param given what the recipe maps, if it maps anything
 * @param usual names that are looked for if it does not
 * @param there the graph's inputs
 * @throws StepFailure if the graph lacks one, or has one that nothing is fed to
 */
export function mapInputs<Feed extends string>(
  given: Readonly<Partial<Record<Feed, string>>> | undefined,
  usual: Readonly<Record<Feed, readonly string[]>>,
  there: readonly string[],
): Partial<Record<Feed, string>> {
  const feeds = Object.keys(usual) as Feed[];
  const mapped: Partial<Record<Feed, string>> = {};
  for (const feed of feeds) {
    const name = given ? given[feed] : usual[feed].find((candidate) => there.includes(candidate));
    if (name === undefined) continue;
    if (!there.includes(name)) {
      throw new StepFailure('no-input', `the graph has no input "${name}"`, `Its inputs are ${list(there)}.`);
    }
    mapped[feed] = name;
  }
  const unfed = there.filter((name) => !Object.values(mapped).includes(name));
  if (unfed.length > 0) {
    throw new StepFailure(
      'no-input',
      `nothing is fed to the graph's input ${unfed.map((name) => `"${name}"`).join(', ')}`,
      `Its inputs are ${list(there)}. Say in "inputs" which is what: ${feeds.join(', ')}.`,
    );
  }
  return mapped;
}

const USUAL_OUTPUTS: Readonly<Record<Says, readonly string[]>> = {
  logits: ['logits'],
  embedding: ['sentence_embedding', 'embedding', 'embeddings'],
  hidden: ['last_hidden_state', 'token_embeddings'],
};

/**
 * Which output is read, and what it says.
 *
 * @param labelled whether the recipe gives labels
 * @param inside what else can be read by name, if the recipe asks for it
 * @throws StepFailure if there is no such output, or none can be chosen
 */
export function mapOutput(
  given: Readonly<Partial<Record<Says, string>>> | undefined,
  there: readonly string[],
  labelled: boolean,
  inside: ReadonlySet<string> = new Set(),
): { readonly says: Says; readonly name: string } {
  const hint = `Its outputs are ${list(there)}.`;
  for (const says of SAYS) {
    const name = given ? given[says] : USUAL_OUTPUTS[says].find((candidate) => there.includes(candidate));
    if (name === undefined) continue;
    if (!there.includes(name) && !inside.has(name)) {
      throw new StepFailure('no-output', `the graph has no output "${name}"`, hint);
    }
    return { says, name };
  }
  const [only, second] = there;
  if (only !== undefined && second === undefined) return { says: labelled ? 'logits' : 'embedding', name: only };
  throw new StepFailure(
    'no-output',
    'the names of the graph’s outputs do not tell what they are',
    `${hint} Say in "outputs" which gives logits, embedding or hidden.`,
  );
}
