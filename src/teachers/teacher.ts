import type { Row } from '../data/dataset.js';
import type { About } from '../data/logits/index-file.js';
import type { RowParts } from '../data/logits/write-shard.js';
import type { EncodedBatch } from '../data/tokenizer.js';

/** A text that a teacher is asked about. */
export interface Text {
  readonly id: string;
  readonly text: string;
  /** Its other texts by name. */
  readonly fields: Row['fields'] | undefined;
  /** As the teacher's tokenizer has it; empty where the teacher reads none. */
  readonly tokens: Int32Array;
  /** Of a pair, how many tokens come before those of the second text. */
  readonly second: number | undefined;
}

/** All texts that a teacher will be asked about, in short. */
export interface Outlook {
  /** Of each text. */
  readonly tokens: Int32Array;
  /** Tokens of the first few texts. */
  readonly sample: readonly Int32Array[];
}

/** Who answers, and what is kept of the answers. */
export interface Teacher {
  readonly about: About;
  /** A shard ends at so many rows or tokens: it is what a kill can cost. */
  readonly shard: { readonly rows: number; readonly tokens: number };
  /** Undefined where it reads texts and not tokens. */
  readonly encode: ((rows: readonly Row[]) => Promise<EncodedBatch>) | undefined;
  /**
   * Once, before the first `say`.
   * @returns what people should know of it, if there is something
   */
  prepare(outlook: Outlook): Promise<string | undefined>;
  /**
   * What it says of some texts, in their order, without what says which texts they are.
   * @param said called now and then with the number of texts that are done
   * @throws StepFailure `not-a-number`, naming the text
   */
  say(texts: readonly Text[], said: (texts: number) => Promise<void>): Promise<RowParts[]>;
  close(): Promise<void>;
}
