/** Sizes of one recording, by the name of each. */
export type Sizes = Readonly<Record<string, number>>;

/** factor · (product of the sizes named) + offset. */
export interface Formula {
  readonly factor: number;
  readonly names: readonly string[];
  readonly offset: number;
}

/**
 * The simplest formula of sizes that gives what was seen in every recording. Recordings of sizes that are different
 * primes leave no room for another that fits by chance; with as many of them as three, one checks what two gave.
 *
 * @param seen a number of each recording
 * @param sizes of each recording
 * @returns undefined if there is none
 */
export function formulaOf(seen: readonly number[], sizes: readonly Sizes[]): Formula | undefined {
  const [first, second] = seen as [number, number];
  const names = Object.keys(sizes[0] as Sizes);
  let best: Formula | undefined;
  for (const chosen of subsets(names)) {
    const [a, b] = sizes.map((at) => product(chosen, at)) as [number, number];
    const factor = chosen.length === 0 ? 0 : (first - second) / (a - b);
    const formula = { factor, names: chosen, offset: first - factor * a };
    if (!Number.isInteger(factor) || !sizes.every((at, i) => numberOf(formula, at) === seen[i])) continue;
    // A sum of two sizes may look like another size: no offset is simpler than one.
    if (best === undefined || Math.abs(formula.offset) < Math.abs(best.offset)) best = formula;
  }
  return best;
}

const product = (names: readonly string[], sizes: Sizes): number =>
  names.reduce((all, name) => all * (sizes[name] as number), 1);

const numberOf = ({ factor, names, offset }: Formula, sizes: Sizes): number => factor * product(names, sizes) + offset;

/** The smaller ones first, none at all before all others. */
function subsets(names: readonly string[]): string[][] {
  const all: string[][] = [[]];
  for (const name of names) all.push(...all.map((set) => [...set, name]));
  return all.sort((a, b) => a.length - b.length);
}

/** As an axis of an ONNX file is named. */
export function formulaText({ factor, names, offset }: Formula): string {
  const text = [...(factor === 1 ? [] : [factor]), ...names].join(' * ');
  return offset === 0 ? text : `${text} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`;
}
