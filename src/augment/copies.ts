import type { WordedText, WordTokenizer } from '../data/word-pieces.js';
import type { MaskedModel } from '../models/masked-model.js';
import { maskOf } from '../models/masked-texts.js';
import { Random } from '../util/random.js';
import type { Neighbours } from './neighbours.js';
import { type Hidden, tellHidden } from './told.js';

/** Algorithm 1 of TinyBERT (Jiao et al. 2020, arXiv:1909.10351), its parameters by their names there. */
export interface Method {
  /** N_a: copies of a text. */
  readonly copies: number;
  /** p_t: the probability that a word is replaced. */
  readonly probability: number;
  /** K: words that one is drawn from. */
  readonly candidates: number;
  /** What stands around a hidden word: the copy as far as it is made, or the text itself. */
  readonly context: 'copy' | 'original';
}

/** What copies are made with. */
export interface Tools {
  readonly model: MaskedModel;
  readonly tokenizer: WordTokenizer;
  readonly neighbours: Neighbours;
}

/** A text, and what names it. */
export interface Source {
  readonly id: string;
  readonly text: string;
  readonly worded: WordedText;
}

/** A word that is to be replaced, and where in its candidates the draw fell: 0 to 1. */
interface Chosen {
  readonly word: number;
  readonly draw: number;
}

/** A copy that is being made. */
interface Draft {
  readonly source: Source;
  readonly chosen: readonly Chosen[];
  /** Words in the place of others, by their number. */
  readonly replaced: Map<number, string>;
  /** The copy's tokens, and where each word's begin. */
  ids: Int32Array;
  readonly firsts: number[];
}

/** Candidates of a word: what is written, and its tokens. */
interface Candidate {
  readonly text: string;
  readonly pieces: Int32Array;
}

/**
 * Copies of texts in which words are replaced at random: a word of one piece by one of the K likeliest in its place, by a
 * masked language model; another by one of the K nearest in an embedding space. The paper lets a word that was hidden and
 * then not replaced stay hidden, which is taken as an oversight: it comes back. Words are runs of letters; numbers, signs
 * and what the model does not read stay. The paper's code (`context: original`) looks for a word's candidates in the text
 * itself and once for all copies; the paper looks in the copy, where words before it are already replaced.
 *
 * @param after called after each batch of the model
 * @returns of each text its copies
 */
export async function copiesOf(
  sources: readonly Source[],
  method: Method,
  tools: Tools,
  seed: number,
  after: () => Promise<void>,
): Promise<string[][]> {
  const drafts = sources.map((source) =>
    Array.from({ length: method.copies }, (_, i) => draft(source, i, method, seed)),
  );
  const maker = new Maker(method, tools, after);
  await maker.prepare(drafts.flat());
  if (method.context === 'copy') await maker.oneAfterTheOther(drafts.flat());
  else await maker.allAtOnce(drafts.flat());
  return drafts.map((own) => own.map(textOf));
}

/** Draws which words a copy replaces. Every word has its draws, whatever becomes of the others. */
function draft(source: Source, copy: number, { probability }: Method, seed: number): Draft {
  const random = new Random(seed, `copy ${copy} of ${source.id}`);
  const { ids, words } = source.worded;
  const chosen = words.flatMap((_, word): Chosen[] => {
    const [p, draw] = [random.uniform(), random.uniform()];
    return p < probability ? [{ word, draw }] : [];
  });
  return { source, chosen, replaced: new Map(), ids, firsts: words.map(({ first }) => first) };
}

const textOf = ({ source: { text, worded }, replaced }: Draft): string => {
  let [made, at] = ['', 0];
  for (const [i, { start, end }] of worded.words.entries()) {
    made += text.slice(at, start) + (replaced.get(i) ?? text.slice(start, end));
    at = end;
  }
  return made + text.slice(at);
};

class Maker {
  private readonly maskId: number;
  private readonly wordIds: Int32Array;
  /** What words of several pieces are called in the embedding space, by their tokens. */
  private readonly spellings = new Map<string, string>();
  private readonly pieces = new Map<string, Int32Array>();

  constructor(
    private readonly method: Method,
    private readonly tools: Tools,
    private readonly after: () => Promise<void>,
  ) {
    const { maskId } = tools.model.tokenizer;
    this.maskId = maskOf({ maskId });
    this.wordIds = Int32Array.from(tools.tokenizer.wordOf.flatMap((word, id) => (word === undefined ? [] : [id])));
  }

  /** Looks up the neighbours of all words of several pieces that are to be replaced. */
  async prepare(drafts: readonly Draft[]): Promise<void> {
    const { tokenizer, neighbours } = this.tools;
    for (const { source, chosen } of drafts) {
      for (const { word } of chosen) {
        const own = piecesOf(source, word);
        if (own.length === 1 || this.spellings.has(own.join())) continue;
        this.spellings.set(own.join(), await tokenizer.spelling(own));
      }
    }
    await neighbours.prepare(this.spellings.values());
    const near = new Set([...this.spellings.values()].flatMap((word) => neighbours.of(word)));
    const missing = [...near].filter((word) => !this.pieces.has(word));
    for (const [i, pieces] of (await tokenizer.piecesOf(missing)).entries()) {
      this.pieces.set(missing[i] as string, pieces);
    }
    await this.after();
  }

  /** Every copy replaces its first word, then its second, and so on, each seeing what was replaced before. */
  async oneAfterTheOther(drafts: readonly Draft[]): Promise<void> {
    const steps = Math.max(0, ...drafts.map(({ chosen }) => chosen.length));
    for (let step = 0; step < steps; step++) {
      const active = drafts.filter(({ chosen }) => step < chosen.length);
      const asked = active.map((each) => {
        const { word } = each.chosen[step] as Chosen;
        return { ids: each.ids, first: each.firsts[word] as number, source: each.source, word };
      });
      const found = await this.candidates(asked);
      active.forEach((each, i) => {
        replace(each, each.chosen[step] as Chosen, found[i] as readonly Candidate[]);
      });
    }
  }

  /** The candidates of a word are looked for once, in its text. */
  async allAtOnce(drafts: readonly Draft[]): Promise<void> {
    const numbers = new Map<string, number>();
    const asked: Parameters<Maker['candidates']>[0][number][] = [];
    const numberOf = ({ source }: Draft, { word }: Chosen): string => `${source.id} ${word}`;
    for (const each of drafts) {
      for (const chosen of each.chosen) {
        const key = numberOf(each, chosen);
        if (numbers.has(key)) continue;
        numbers.set(key, asked.length);
        asked.push({
          ids: each.ids,
          first: each.firsts[chosen.word] as number,
          source: each.source,
          word: chosen.word,
        });
      }
    }
    const found = await this.candidates(asked);
    for (const each of drafts) {
      for (const chosen of each.chosen) {
        replace(each, chosen, found[numbers.get(numberOf(each, chosen)) as number] as readonly Candidate[]);
      }
    }
  }

  private async candidates(
    asked: readonly {
      readonly ids: Int32Array;
      readonly first: number;
      readonly source: Source;
      readonly word: number;
    }[],
  ): Promise<(readonly Candidate[])[]> {
    const { model, tokenizer, neighbours } = this.tools;
    const { maxLength } = model.config;
    const found: (readonly Candidate[])[] = asked.map(() => []);
    const hidden: Hidden[] = [];
    const whose: number[] = [];
    for (const [i, { ids, first, source, word }] of asked.entries()) {
      const own = piecesOf(source, word);
      if (own.length > 1) {
        const near = neighbours.of(this.spellings.get(own.join()) as string);
        found[i] = near.map((text) => ({ text, pieces: this.pieces.get(text) as Int32Array }));
        continue;
      }
      // Words of more pieces than those they replace may have pushed it out of what the model reads.
      const { closing } = source.worded;
      if (first >= maxLength - closing) continue;
      const read = Int32Array.from([
        ...ids.subarray(0, Math.min(ids.length, maxLength) - closing),
        ...ending(ids, closing),
      ]);
      read[first] = this.maskId;
      hidden.push({ ids: read, place: first });
      whose.push(i);
    }
    const told = await tellHidden(model, hidden, this.wordIds, this.method.candidates, this.after);
    told.forEach((ids, k) => {
      found[whose[k] as number] = [...ids].map((id) => ({
        text: tokenizer.wordOf[id] as string,
        pieces: Int32Array.of(id),
      }));
    });
    return found;
  }
}

const ending = (ids: Int32Array, n: number): Int32Array => ids.subarray(ids.length - n);

function piecesOf({ worded: { ids, words } }: Source, word: number): Int32Array {
  const { first, pieces } = words[word] as WordedText['words'][number];
  return ids.subarray(first, first + pieces);
}

/** Puts a candidate in the place of a word; later words move with it. */
function replace(draft: Draft, { word, draw }: Chosen, candidates: readonly Candidate[]): void {
  const candidate = candidates[Math.floor(draw * candidates.length)];
  if (candidate === undefined) return;
  draft.replaced.set(word, candidate.text);
  const first = draft.firsts[word] as number;
  const { length } = piecesOf(draft.source, word);
  const { ids, firsts } = draft;
  draft.ids = Int32Array.from([...ids.subarray(0, first), ...candidate.pieces, ...ids.subarray(first + length)]);
  const moved = candidate.pieces.length - length;
  for (let later = word + 1; moved !== 0 && later < firsts.length; later++) {
    firsts[later] = (firsts[later] as number) + moved;
  }
}
