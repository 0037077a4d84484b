/** Stands before a text, as often as an n-gram reaches back; it is never told. */
const START = -1;
/** Where counts of counts are too few to say how much to discount. */
const USUAL = [0, 0.5, 1, 1.5] as const;

/** A text's tokens, of which the first `given` are not told. */
export interface Told {
  readonly ids: Int32Array;
  readonly given: number;
}

/** What follows a context: how often in all, and how many tokens once, twice, more often. */
interface Followers {
  total: number;
  readonly kinds: [number, number, number];
}

/**
 * An n-gram model of tokens with interpolated modified Kneser–Ney smoothing (Chen & Goodman 1998, Harvard TR-10-98, §3),
 * what language models have to beat. With c the count of the longest n-grams and, of shorter ones, how many different
 * tokens stand before them:
 *
 *     p(w | h) = max(0, c(hw) − D(c(hw))) / c(h·) + γ(h) · p(w | h without its first token)
 *
 * The shortest is mixed with the uniform distribution. Before a text stand n − 1 marks of its start.
 */
export class KneserNey {
  /** An n-gram's node by its context's node and its last token; the root is 0. */
  private readonly children = new Map<number, number>();
  /** Of each node. */
  private readonly counts: number[] = [0];
  private readonly followers = new Map<number, Followers>();
  /** Of each length of an n-gram, what is taken off a count of 1, of 2, and of more. */
  private readonly discounts: (readonly number[])[] = [];

  private constructor(
    private readonly order: number,
    private readonly vocabulary: number,
  ) {}

  /**
   * @param texts of which every token is learnt
   * @param order tokens of the longest n-grams: 3 of a trigram model
   * @param vocabulary how many tokens there are
   */
  static learn(texts: Iterable<Int32Array>, order: number, vocabulary: number): KneserNey {
    const model = new KneserNey(order, vocabulary);
    const lengths: number[] = [0];
    const contexts: number[] = [-1];
    for (const ids of texts) {
      for (let at = 0; at < ids.length; at++) {
        // A shorter n-gram is counted once for each longer one that ends in it.
        for (let length = order; length > 0; length--) {
          const context = model.make(ids, at, length - 1);
          const node = model.child(context, ids[at] as number);
          lengths[node] = length;
          contexts[node] = context;
          model.counts[node] = (model.counts[node] as number) + 1;
          if ((model.counts[node] as number) > 1) break;
        }
      }
    }
    model.summarize(lengths, contexts);
    return model;
  }

  /** n-grams that it has counted, of all lengths. */
  get size(): number {
    return this.counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  }

  /** Sum of −log p of the tokens that are told, in nats, and how many they are. */
  surprise({ ids, given }: Told): { readonly loss: number; readonly tokens: number } {
    let loss = 0;
    for (let at = given; at < ids.length; at++) loss -= Math.log(this.probability(ids, at));
    return { loss, tokens: ids.length - given };
  }

  /** Of the token at a place, after those before it. */
  probability(ids: Int32Array, at: number): number {
    const token = ids[at] as number;
    let p = 1 / this.vocabulary;
    for (let length = 1; length <= this.order; length++) {
      const context = this.find(ids, at, length - 1);
      const after = context === undefined ? undefined : this.followers.get(context);
      if (context === undefined || !after) return p; // nor is any longer context known
      const discount = this.discounts[length] as readonly number[];
      const node = this.children.get(this.key(context, token));
      const count = node === undefined ? 0 : (this.counts[node] as number);
      const kept = count - (discount[Math.min(count, 3)] as number);
      const left = after.kinds.reduce((sum, n, i) => sum + n * (discount[i + 1] as number), 0);
      p = (Math.max(0, kept) + left * p) / after.total;
    }
    return p;
  }

  private summarize(lengths: readonly number[], contexts: readonly number[]): void {
    const often = Array.from({ length: this.order + 1 }, () => [0, 0, 0, 0, 0]);
    for (const [node, count] of this.counts.entries()) {
      if (count === 0) continue;
      const own = often[lengths[node] as number] as number[];
      if (count <= 4) own[count] = (own[count] as number) + 1;
      const context = contexts[node] as number;
      const after: Followers = this.followers.get(context) ?? { total: 0, kinds: [0, 0, 0] };
      after.total += count;
      (after.kinds[Math.min(count, 3) - 1] as number)++;
      this.followers.set(context, after);
    }
    this.discounts.push(...often.map(discountsOf));
  }

  private key = (context: number, token: number): number => context * (this.vocabulary + 1) + token + 1;

  private child(context: number, token: number): number {
    const key = this.key(context, token);
    const known = this.children.get(key);
    if (known !== undefined) return known;
    const node = this.counts.push(0) - 1;
    this.children.set(key, node);
    return node;
  }

  /** The node of so many tokens before a place, made where there is none. */
  private make(ids: Int32Array, at: number, length: number): number {
    let node = 0;
    for (let i = at - length; i < at; i++) node = this.child(node, ids[i] ?? START);
    return node;
  }

  private find(ids: Int32Array, at: number, length: number): number | undefined {
    let node: number | undefined = 0;
    for (let i = at - length; i < at && node !== undefined; i++)
      node = this.children.get(this.key(node, ids[i] ?? START));
    return node;
  }
}

/** Chen & Goodman's D1, D2 and D3+, of how many n-grams have a count of 1, 2, 3 and 4; of a count of 0 nothing. */
function discountsOf([, n1 = 0, n2 = 0, n3 = 0, n4 = 0]: readonly number[]): readonly number[] {
  const y = n1 / (n1 + 2 * n2);
  const found = [0, 1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3];
  return found.every((d, count) => d >= 0 && d <= count) ? found : USUAL;
}
