import type { HostTensors } from '../backend/runner.js';
import type { EncodedBatch, TextTokenizer } from '../data/tokenizer.js';
import { StepFailure } from '../util/failure.js';
import { Random } from '../util/random.js';
import { NEXT, type ToTell } from './continuations.js';
import { padTokens } from './padding.js';

/** Share of a text's tokens that a model is to tell, BERT's. */
const SHARE = 0.15;
/** Of these the first 80 % become the mask token, those up to 90 % another token, and the rest stay. */
const HIDDEN = 0.8;
const REPLACED = 0.9;
/** Positions of a batch are rounded up to a multiple of this. */
const ROOM_STEP = 8;

const toTell = (tokens: number): number => Math.max(1, Math.round(SHARE * tokens));

/**
 * Texts in which tokens are hidden that a model is to tell (Devlin et al. 2018, arXiv:1810.04805, §3.1): of each 15 %,
 * one at least, never a special one. Of these 80 % become the mask token, 10 % a random one, 10 % stay. Which, is drawn
 * anew for each batch (Liu et al. 2019, arXiv:1907.11692, §4.1), or, where models are judged, from the seed and the text's
 * id, so that all see the same.
 */
export class MaskedTexts implements ToTell {
  private readonly maskId: number;
  /** Of each text, the places of tokens that are not special. */
  private readonly places: readonly Int32Array[];
  /** Tokens that may stand in another's place. */
  private readonly ordinary: Int32Array;

  /**
   * @param ids what names each text
   * @throws StepFailure if the tokenizer has no mask token
   */
  constructor(
    private readonly tokens: EncodedBatch,
    private readonly ids: readonly string[],
    tokenizer: Pick<TextTokenizer, 'maskId' | 'specialIds' | 'vocabularySize'>,
    private readonly seed: number,
  ) {
    this.maskId = maskOf(tokenizer);
    const { specialIds, vocabularySize } = tokenizer;
    const all = Array.from({ length: vocabularySize }, (_, id) => id);
    this.ordinary = Int32Array.from(all.filter((id) => !specialIds.has(id)));
    this.places = ids.map((_, text) => {
      const own = tokens.ids(text);
      return Int32Array.from([...own.keys()].filter((place) => !specialIds.has(own[place] as number)));
    });
  }

  get size(): number {
    return this.ids.length;
  }

  length(i: number): number {
    return this.tokens.length(i);
  }

  /** Tokens to tell; none of a text that has special ones alone. */
  count(i: number): number {
    const { length } = this.places[i] as Int32Array;
    return length === 0 ? 0 : toTell(length);
  }

  /** Room for the tokens that a batch is to tell: as many as texts of that length have, so that it adds no shapes. */
  room(batch: number): (rows: readonly number[], length: number) => number {
    return (_, length) => Math.min(batch * length, ROOM_STEP * Math.ceil((batch * toTell(length)) / ROOM_STEP));
  }

  /**
   * `ids` with what is hidden, `mask` [batch, length]; the tokens' positions, what they are, and 1 for each: [room].
   * @param batchRandom undefined: a text is judged
   */
  feeds(
    rows: readonly number[],
    batch: number,
    length: number,
    room: number,
    padId: number,
    batchRandom?: Random,
  ): HostTensors {
    const positions = new Int32Array(room);
    const targets = new Int32Array(room);
    const weights = new Float32Array(room);
    let n = 0;
    const texts = rows.map((i, row) => {
      const own = this.tokens.ids(i).slice();
      const random = batchRandom ?? new Random(this.seed, `masks of ${this.ids[i]}`);
      for (const place of this.drawn(i, random)) {
        positions[n] = row * length + place;
        targets[n] = own[place] as number;
        weights[n++] = 1;
        const u = random.uniform();
        if (u < HIDDEN) own[place] = this.maskId;
        else if (u < REPLACED) own[place] = this.ordinary[random.below(this.ordinary.length)] as number;
      }
      return own;
    });
    return {
      ...padTokens(texts, batch, length, padId),
      [NEXT.positions]: { dtype: 'int32', shape: [room], data: positions },
      [NEXT.targets]: { dtype: 'int32', shape: [room], data: targets },
      [NEXT.weights]: { dtype: 'float32', shape: [room], data: weights },
    };
  }

  /** Some of a text's places, in the order of the text. */
  private drawn(i: number, random: Random): Int32Array {
    const left = (this.places[i] as Int32Array).slice();
    const count = this.count(i);
    for (let k = 0; k < count; k++) {
      const other = k + random.below(left.length - k);
      [left[k], left[other]] = [left[other] as number, left[k] as number];
    }
    return left.slice(0, count).sort();
  }
}

/** @throws StepFailure if the tokenizer has none */
export function maskOf({ maskId }: Pick<TextTokenizer, 'maskId'>): number {
  if (maskId !== null) return maskId;
  throw new StepFailure(
    'no-mask',
    'the tokenizer has no token that hides another, such as [MASK], so a model could not learn to tell hidden tokens',
    'Train the tokenizer with type: wordpiece.',
  );
}
