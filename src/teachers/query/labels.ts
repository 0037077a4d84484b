import type { TokenLogprobs } from './reply.js';
import { bytesOf, bytesOfToken, locate, lowerCase, textOf, trimEnd, trimStart } from './spelling.js';

/** What an answer says of the labels. */
export interface LabelAnswer {
  readonly label: number;
  /** Where in the answer's text the label begins and ends, UTF-16 code units. */
  readonly start: number;
  readonly end: number;
}

/** Puts aside what models write around a label, and case. */
const WRAPPING = /^[\s"'`*“”‘’[(]+|[\s"'`*“”‘’.\])!]+$/gu;

/** Finds labels in answers. Labels that differ in case only are told apart by it. */
export class LabelReader {
  private readonly exact: ReadonlyMap<string, number>;
  private readonly loose: ReadonlyMap<string, number>;

  constructor(readonly labels: readonly string[]) {
    this.exact = new Map(labels.map((label, k) => [label.normalize(), k]));
    const folded = labels.map((label) => label.normalize().toLowerCase());
    this.loose = new Map(
      folded.flatMap((label, k) => (folded.indexOf(label) === folded.lastIndexOf(label) ? [[label, k]] : [])),
    );
  }

  private known(text: string): number | undefined {
    return this.exact.get(text.normalize()) ?? this.loose.get(text.normalize().toLowerCase());
  }

  /** The label that a whole answer is, if it is one: `spam`, `"Spam".`, or the only text in a JSON object. */
  find(answer: string): LabelAnswer | undefined {
    const json = onlyText(answer);
    if (json !== undefined) {
      const label = this.known(json.value);
      return label === undefined ? undefined : { label, start: json.start, end: json.end };
    }
    // What is put aside may be part of a label: "N/A.", "(a)".
    for (const text of [answer, answer.trim(), answer.replaceAll(WRAPPING, '')]) {
      const label = this.known(text);
      if (label === undefined) continue;
      const start = answer.indexOf(text);
      return { label, start, end: start + text.length };
    }
    return undefined;
  }
}

/** The value of `{"label": "spam"}`, and where it stands between its quotes. */
function onlyText(answer: string): { value: string; start: number; end: number } | undefined {
  if (!/^\s*(?:```(?:json)?\s*)?\{/.test(answer)) return undefined;
  const found = /\{\s*"(?:[^"\\]|\\.)*"\s*:\s*"((?:[^"\\]|\\.)*)"\s*\}/.exec(answer);
  if (found === null) return undefined;
  const raw = found[1] as string;
  try {
    const end = answer.lastIndexOf(raw, found.index + found[0].lastIndexOf('"'));
    return { value: JSON.parse(`"${raw}"`) as string, start: end, end: end + raw.length };
  } catch {
    return undefined;
  }
}

/** How probable a teacher finds each label, from the tokens of one answer. */
export interface LabelProbabilities {
  /** Sum 1. */
  readonly probabilities: Float64Array;
  /** What the alternatives gave to labels or to beginnings of labels; the rest went to other answers. */
  readonly mass: number;
  /** Part of the mass that several labels share because they begin alike and the answer took another way. */
  readonly shared: number;
}

/** No label that a server said nothing of is called impossible. */
const LEAST = 1e-6;

/**
 * Probabilities of all labels from the log-probabilities of the tokens of one answer, which is one of the labels.
 *
 * The answer is one path through the tree of tokens. At each of its tokens the alternatives say how probable another
 * continuation was: an alternative that makes the text so far into a label, or into the beginning of just one label,
 * gives that label its whole probability (path so far × alternative). One that is the beginning of several labels leaves
 * open how they share it: it is divided equally and told as `shared`. The path itself is followed until one label is
 * left, if need be one token beyond the answer's label: there it may have gone on to a longer one. So a label of several
 * tokens, and labels that share their first tokens, get what the teacher gives them.
 *
 * @param text of the answer
 * @param answer what `LabelReader.find` found in it
 * @param tokens of the answer; there may be others before and behind
 * @returns undefined if the tokens do not spell the answer
 */
export function labelProbabilities(
  labels: readonly string[],
  text: string,
  answer: LabelAnswer,
  tokens: readonly TokenLogprobs[],
): LabelProbabilities | undefined {
  const tree = treeOf(labels, text.slice(answer.start, answer.end), answer.label);
  const spelling = locate(text, tokens);
  if (tree === undefined || spelling === undefined) return undefined;
  const labelStart = spelling.start + bytesOf(text.slice(0, answer.start)).length;
  const labelEnd = spelling.start + bytesOf(text.slice(0, answer.end)).length;
  const mass = new Float64Array(labels.length);
  let shared = 0;
  let known = 0;
  /** Probability of the answer's own tokens so far, from the one in which the label begins. */
  let path = 1;
  let spelt = '';
  let at = 0;
  let least = 1;

  for (const own of tokens) {
    const token = bytesOfToken(own);
    const [from, to] = [at, at + token.length];
    at = to;
    if (to <= labelStart) continue;
    /** What stands before the label in this token: a space, a quotation mark. */
    const lead = Math.max(0, labelStart - from);
    const others = own.top.map((other) => ({ bytes: bytesOfToken(other), logprob: other.logprob }));
    const alternatives = others.some(({ bytes }) => bytes === token)
      ? others
      : [...others, { bytes: token, logprob: own.logprob }];
    for (const other of alternatives) {
      const probability = path * Math.exp(other.logprob);
      least = Math.min(least, probability);
      if (other.bytes === token) continue;
      const more = continuation(other.bytes, token, lead, spelt === '');
      if (more === undefined) continue;
      // A token without text ends the answer.
      const ends = more === '' && spelt !== '' ? tree.names.indexOf(tree.normal(spelt)) : -1;
      const fitting = ends >= 0 ? [ends] : candidates(tree.names, tree.normal(spelt + more));
      if (fitting.length === 0) continue;
      known += probability;
      if (fitting.length > 1) shared += probability;
      for (const k of fitting) mass[k] = (mass[k] as number) + probability / fitting.length;
    }
    path *= Math.exp(own.logprob);
    spelt += token.slice(lead);
    if (candidates(tree.names, tree.normal(trimEnd(spelt))).length <= 1 || from >= labelEnd) break;
  }
  mass[answer.label] = (mass[answer.label] as number) + path;
  known += path;
  const unseen = mass.filter((value) => value === 0).length;
  // What is left beyond the alternatives, but not more than the least probable of them for any label.
  const floor = Math.max(LEAST, Math.min(least, Math.max(0, 1 - known) / Math.max(1, unseen)));
  const filled = mass.map((value) => (value === 0 ? floor : value));
  const total = filled.reduce((sum, value) => sum + value, 0);
  return { probabilities: filled.map((value) => value / total), mass: Math.min(1, known), shared: shared / total };
}

/** How tokens spell the labels, in bytes. */
interface Tree {
  readonly names: readonly string[];
  normal(bytes: string): string;
}

/**
 * @param said how the answer writes its label: as it is, in another case, or as JSON has it
 * @returns undefined if it is written in a way of its own, so that nothing is known of the others
 */
function treeOf(labels: readonly string[], said: string, label: number): Tree | undefined {
  const folded = labels.map((name) => name.toLowerCase());
  const normal = new Set(folded).size === labels.length ? lowerCase : (bytes: string): string => bytes;
  return [(name: string): string => name, (name: string): string => JSON.stringify(name).slice(1, -1)]
    .map((write): Tree => ({ names: labels.map((name) => normal(bytesOf(write(name)))), normal }))
    .find(({ names }) => names[label] === normal(bytesOf(said)));
}

/**
 * What an alternative to a token adds to the label, or undefined if it is no way to begin one. The first token of a label
 * may have something before it, such as a space: then an alternative may have it or leave it out.
 */
function continuation(other: string, token: string, lead: number, first: boolean): string | undefined {
  const before = token.slice(0, lead);
  if (lead > 0 && other.startsWith(before)) return other.slice(lead);
  if (trimStart(before) !== '') return undefined;
  return first ? trimStart(other) : other;
}

/** Labels that bytes begin, or that they are with something behind that ends the label. */
function candidates(names: readonly string[], bytes: string): number[] {
  // Most of what a teacher might have said instead is no label, and each answer brings 20 of it.
  if (bytes === '' || !names.some((name) => name.startsWith(bytes.charAt(0)))) return [];
  const begun = names.flatMap((name, k) => (name.startsWith(bytes) ? [k] : []));
  const exact = names.indexOf(bytes);
  // `not` may be a label, and also how `not sure` begins: which it is, the next token would tell.
  if (begun.length > 0) return exact >= 0 && begun.length === 1 ? [exact] : begun;
  const ended = names.flatMap((name, k) =>
    bytes.startsWith(name) && !GOES_ON.test(textOf(bytes.slice(name.length))) ? [k] : [],
  );
  return ended.length === 1 ? ended : [];
}

/** A word that does not end here; so may one with a part of a character. */
const GOES_ON = /^[\p{L}\p{N}\p{M}\ufffd]/u;

/**
 * Shares of votes as probabilities, with one more vote that is divided equally (a symmetric Dirichlet prior): five of
 * five votes do not make the others impossible.
 */
export function voteProbabilities(labels: number, votes: readonly number[]): Float64Array {
  const probabilities = new Float64Array(labels).fill(1 / labels / (votes.length + 1));
  for (const vote of votes) probabilities[vote] = (probabilities[vote] as number) + 1 / (votes.length + 1);
  return probabilities;
}
