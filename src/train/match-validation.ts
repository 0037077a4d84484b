import type { HostTensors, Runner } from '../backend/runner.js';
import type { Row } from '../data/dataset.js';
import { pairOf } from '../data/pair.js';
import type { EncodedBatch, TextTokenizer } from '../data/tokenizer.js';
import type { TransformerConfig } from '../models/architecture.js';
import { calibrate } from '../models/calibrate.js';
import { embedTexts } from '../models/embedding.js';
import type { Similarity } from '../models/sentence-encoder.js';
import { cosine, unitRows } from '../models/similarity.js';
import { rankingOf } from '../report/ranking.js';
import { StepFailure } from '../util/failure.js';
import type { Judge, Metric } from './validate.js';

/** Pairs with labels that a model which compares vectors is judged by. */
export class MatchValidation implements Judge {
  private constructor(
    private readonly rows: readonly Row[],
    private readonly labels: readonly [string, string],
    private readonly tokens: EncodedBatch,
    private readonly place: ReadonlyMap<string, number>,
  ) {}

  static async encode(
    all: readonly Row[],
    labels: readonly [string, string],
    tokenizer: TextTokenizer,
    { maxLength }: Pick<TransformerConfig, 'maxLength'>,
  ): Promise<MatchValidation> {
    const rows = all.filter(({ label }) => label !== null);
    const texts = [...new Set(rows.flatMap((row) => [row.text, pairOf(row)]))];
    const place = new Map(texts.map((text, i) => [text, i]));
    return new MatchValidation(rows, labels, await tokenizer.encode(texts, maxLength), place);
  }

  /**
   * Mean reciprocal rank of a text's own pair among its candidates.
   * @throws StepFailure `no-rows` if no text has a pair of its own and another
   */
  async measure(_: Metric, runner: Runner, config: TransformerConfig, parameters: HostTensors): Promise<number> {
    const cosines = await this.cosines(runner, config, parameters);
    const { mrr } = rankingOf(
      this.rows.map(({ text, label }, i) => ({ text, belongs: label === this.labels[1], score: cosines[i] as number })),
    );
    if (mrr !== null) return mrr;
    const message = 'no text of the input "validation" has a pair that belongs to it and one that does not';
    throw new StepFailure('no-rows', message, 'Make them with a make-pairs step.');
  }

  /** How a cosine becomes the logit of belonging together. Undefined where the pairs are all of one kind. */
  async similarity(
    runner: Runner,
    config: TransformerConfig,
    parameters: HostTensors,
  ): Promise<Similarity | undefined> {
    const cosines = await this.cosines(runner, config, parameters);
    return calibrate(
      cosines,
      this.rows.map(({ label }) => label === this.labels[1]),
    );
  }

  private async cosines(runner: Runner, config: TransformerConfig, parameters: HostTensors): Promise<Float32Array> {
    const vectors = unitRows(await embedTexts(runner, config, parameters, this.tokens), config.hidden);
    const at = (text: string): number => this.place.get(text) as number;
    return Float32Array.from(this.rows, (row) => cosine(vectors, config.hidden, at(row.text), at(pairOf(row))));
  }
}
