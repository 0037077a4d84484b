import type { Topics } from '../../options/synthesize-data.js';

/** Texts of one label about one topic. */
export interface Cell {
  readonly label: string;
  /** The way to a leaf of the tree; undefined where no topics are given. */
  readonly topic: string | undefined;
  /** Texts that are wanted of it. */
  readonly wanted: number;
}

/** The leaves of a tree, each named by the way to it, in the tree's order. */
export function leavesOf(topics: Topics): string[] {
  if (Array.isArray(topics)) return [...topics];
  return Object.entries(topics).flatMap(([name, below]) =>
    below === null ? [name] : leavesOf(below).map((leaf) => `${name} > ${leaf}`),
  );
}

/** Every label with every topic; what does not divide evenly goes to the first ones. */
export function cellsOf(labels: readonly string[], topics: Topics | undefined, rows: number): Cell[] {
  const leaves = topics === undefined ? [undefined] : leavesOf(topics);
  const all = leaves.flatMap((topic) => labels.map((label) => ({ label, topic })));
  const [each, left] = [Math.floor(rows / all.length), rows % all.length];
  return all.map((cell, i) => ({ ...cell, wanted: each + (i < left ? 1 : 0) })).filter(({ wanted }) => wanted > 0);
}
