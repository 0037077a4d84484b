import type { Row } from '../dataset.js';

/** What a source finds, in an order that depends on the input alone. */
export type Item =
  | {
      readonly text: string;
      readonly label: string | null;
      /** Further texts of it that the source was asked to keep. */
      readonly fields?: Readonly<Record<string, string>>;
      /** What the text is to be answered with, if the source was asked for it and has it. */
      readonly response?: string;
      /** What there is to say of parts of it, of labels it may have several of, and of a score. */
      readonly annotations?: Annotations;
    }
  /** Something there that could not be read, and why. */
  | { readonly unreadable: string; readonly where: string; readonly label: string | null };

/** What is known of a text beside its label. Places are in the text as the item has it. */
export type Annotations = Partial<Pick<Row, 'words' | 'spans' | 'labels' | 'score'>>;

/** How a source tells what goes on; a step's context fits. */
export interface Reporter {
  progress(progress: {
    readonly done: number;
    readonly total: number;
    readonly unit: string;
    readonly phase: string;
  }): Promise<void>;
  log(level: 'info' | 'warning', message: string): void;
}

/** One kind of `source:`; `sources/index.ts` lists them. */
export interface Source<Options extends { readonly type: string }> {
  readonly type: Options['type'];
  /**
   * Reads everything there is, as a stream.
   * @throws StepFailure for input that has to be mended
   */
  read(options: Options, report: Reporter): AsyncIterable<Item>;
}
