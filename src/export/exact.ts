import { createRunner } from '../backend/runner.js';
import type { TransformerModel } from '../models/checkpoint.js';
import { Generator, greedy } from '../models/generate.js';
import { StepFailure } from '../util/failure.js';
import { type Answerer, graphAnswers, ownAnswers } from './answers.js';
import { pipelineOf } from './form.js';
import { type CheckedRow, WRITTEN } from './rows.js';
import type { Found } from './verify/protocol.js';
import { askTransformers } from './verify/transformers.js';

/** Logits may be so far apart; above 1, so far for each time that they are larger. */
const NEAR = 1e-4;
const BATCH = 8;
const TEXTS = 4;

/** How near an exported graph is to the model that it was made of. */
export interface Exactness {
  readonly rows: number;
  /** The largest difference of a logit in ONNX Runtime, as `NEAR` measures it. */
  readonly difference: number;
  /** The same in transformers.js; undefined where it could not be asked, and why. */
  readonly transformers: TransformersCheck | { readonly state: 'absent' | 'unsupported'; readonly message: string };
}

export interface Agreement {
  readonly rows: number;
  readonly asked: number;
  readonly same: number;
}

export interface TransformersCheck {
  readonly state: 'found';
  readonly version: string;
  readonly difference: number;
  /** Rows that its tokenizer reads as other tokens. */
  readonly otherTokens: number;
  /** Of the rows that it reads alike, those that its pipeline was asked about, and those answered as the model does. */
  readonly alike: Agreement;
  /** The same of rows whose end it cuts off without putting the last special token behind what is left. */
  readonly cut: Agreement;
}

/** Holds a folder's graph against the model: in ONNX Runtime, and in transformers.js where it is installed. */
export class ExactCheck {
  private constructor(
    private readonly model: TransformerModel,
    private readonly folder: string,
    private readonly rows: readonly CheckedRow[],
    private readonly expected: readonly Float32Array[],
    private readonly threads: number,
  ) {}

  static async of(
    model: TransformerModel,
    folder: string,
    rows: readonly CheckedRow[],
    threads: number,
  ): Promise<ExactCheck> {
    const own = await ownAnswers(model, threads);
    try {
      return new ExactCheck(model, folder, rows, await answers(own, rows), threads);
    } finally {
      await own.close();
    }
  }

  /** @throws StepFailure `export-differs` */
  async run(graph: string, signal: AbortSignal): Promise<Exactness> {
    const runtime = await graphAnswers(graph, this.model, this.threads);
    let difference: number;
    try {
      difference = this.compare(await answers(runtime, this.rows), 'ONNX Runtime');
    } finally {
      await runtime.close();
    }
    return { rows: this.rows.length, difference, transformers: await this.transformers('fp32', signal) };
  }

  /**
   * What transformers.js makes of the folder.
   * @param dtype `q8` is not held against the model's logits
   */
  async transformers(dtype: 'fp32' | 'q8', signal: AbortSignal): Promise<Exactness['transformers']> {
    const { config } = this.model;
    const said = await askTransformers(
      {
        folder: this.folder,
        dtype,
        pipeline: pipelineOf(config),
        // Its pipeline takes no pairs.
        labelled: !config.pairs && (config.head === 'classifier' || config.head === 'multi-label'),
        padId: config.padId,
        writes: { tokens: WRITTEN, rows: TEXTS, endId: config.eosId },
        rows: this.rows.map(({ text, pair, ids, second, mask }) => ({ text, pair, ids, second, mask })),
      },
      signal,
    );
    if (said.state === 'absent' || said.state === 'unsupported') return said;
    if (said.state === 'failed') {
      throw new StepFailure('export-fails', `transformers.js cannot use the exported folder: ${said.message}`);
    }
    const { rows } = said;
    const values = rows.map((row) => row.values);
    const difference = dtype === 'fp32' ? this.compare(values, 'transformers.js') : Number.NaN;
    const wanted = await this.wanted();
    const reads = this.rows.map(({ ids }, i) => howRead(ids, (rows[i] as Found).ids, config.maxLength));
    const agreement = (how: Reading): Agreement => {
      const own = rows.map((row, i) => ({ answer: row.answer, i })).filter(({ i }) => reads[i] === how);
      const asked = own.filter(({ answer }) => answer !== undefined);
      const same = asked.filter(({ answer, i }) => answer === wanted[i]);
      return { rows: own.length, asked: asked.length, same: same.length };
    };
    return {
      state: 'found',
      version: said.version,
      difference,
      otherTokens: reads.filter((how) => how === 'other').length,
      alike: agreement('alike'),
      cut: agreement('cut'),
    };
  }

  /** What the model answers to each row: its label, the token that it fills in, or those that it writes to the first of them. */
  private async wanted(): Promise<(string | undefined)[]> {
    const { config, labels, parameters } = this.model;
    if (config.head === 'classifier' || config.head === 'multi-label') {
      return this.expected.map((logits) => labels[greedy(logits)]);
    }
    if (config.head === 'masked-language-model') {
      const { vocabulary } = config;
      return this.rows.map(({ mask }, i) => {
        const at = mask === undefined ? undefined : mask * vocabulary;
        return at === undefined
          ? undefined
          : `${greedy((this.expected[i] as Float32Array).subarray(at, at + vocabulary))}`;
      });
    }
    if (config.head !== 'language-model') return [];
    const runner = await createRunner('onnx', this.threads);
    try {
      const generator = new Generator(config, parameters, runner);
      const texts: string[] = [];
      for (const { ids } of this.rows.slice(0, TEXTS)) {
        const written: number[] = [];
        for await (const id of generator.generate(ids, WRITTEN, greedy)) {
          if (id === config.eosId) break;
          written.push(id);
        }
        texts.push(written.join(' '));
      }
      return texts;
    } finally {
      await runner.release();
    }
  }

  private compare(found: readonly Float32Array[], where: string): number {
    return checkDistance(
      this.expected,
      found,
      this.rows.map(({ id }) => `row ${id}`),
      where,
    );
  }
}

/**
 * The largest distance between what the model and its export say of some things.
 * @param names of the things; @param where the export was asked
 * @throws StepFailure `export-differs` if it is more than rounding
 */
export function checkDistance(
  expected: readonly Float32Array[],
  found: readonly Float32Array[],
  names: readonly string[],
  where: string,
): number {
  let worst = { difference: 0, at: 0 };
  for (const [at, own] of expected.entries()) {
    const difference = distance(own, found[at] as Float32Array);
    if (!(difference <= worst.difference)) worst = { difference, at };
  }
  if (worst.difference <= NEAR) return worst.difference;
  throw new StepFailure(
    'export-differs',
    `in ${where} the exported graph answers ${names[worst.at]} otherwise than the model: ${worst.difference} apart, at most ${NEAR} are allowed`,
    'This is a mistake of recipe; please report it with the recipe.',
  );
}

/** The largest difference; above 1 for each time that the numbers are larger. NaN if one of them is. */
function distance(a: Float32Array, b: Float32Array): number {
  let [size, apart] = [1, a.length === b.length ? 0 : Number.NaN];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    size = Math.max(size, Math.abs(x));
    const difference = Math.abs(x - y);
    if (!(difference <= apart)) apart = difference;
  }
  return apart / size;
}

type Reading = 'alike' | 'cut' | 'other';

/** Whether a text's tokens are the same, or, where it is cut, the same but for the special ones that end it. */
function howRead(own: Int32Array, theirs: Int32Array, maxLength: number): Reading {
  if (own.length !== theirs.length) return 'other';
  const first = own.findIndex((id, i) => id !== theirs[i]);
  if (first < 0) return 'alike';
  return own.length === maxLength && first >= maxLength - 2 ? 'cut' : 'other';
}

/** Of many rows, some at a time. */
async function answers(answerer: Answerer, rows: readonly CheckedRow[]): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (let start = 0; start < rows.length; start += BATCH) {
    found.push(...(await answerer.answer(rows.slice(start, start + BATCH))));
  }
  return found;
}
