import type { HostTensors, Runner } from '../../backend/runner.js';
import type { DatasetInfo, Row } from '../../data/dataset.js';
import type { EncodedBatch, TextTokenizer } from '../../data/tokenizer.js';
import { classifyTexts } from '../../models/answers.js';
import type { TransformerConfig } from '../../models/architecture.js';
import { scoreQuality } from '../../report/correlation.js';
import { StepFailure } from '../../util/failure.js';
import { Examples, tokensOf } from '../examples.js';
import { SCORE, scores } from '../targets/scores.js';
import type { Judge, Metric } from '../validate.js';
import { isTaught } from './classification.js';
import type { Task } from './task.js';

const hasScore = (row: Row): boolean => row.score !== undefined;

/** A score for a text. */
export function regression(_: DatasetInfo): Task {
  return {
    name: 'regression',
    head: 'regression',
    labels: [SCORE],
    metrics: ['pearson', 'spearman', 'mae', 'rmse', 'loss'],
    async examples(rows, tokenizer, config) {
      return new Examples(rows, await tokensOf(rows, tokenizer, config), scores(rows), config.padId);
    },
    judge: (rows, tokenizer, config) => ScoreValidation.encode(rows, tokenizer, config),
    trainedOn(rows, stages) {
      const labelled = rows.filter(hasScore).length;
      return { rows: isTaught(stages) ? rows.length : labelled, labelled };
    },
    written: async () => undefined,
  };
}

/** Rows with scores that a model is judged by while it learns. */
class ScoreValidation implements Judge {
  private constructor(
    private readonly tokens: EncodedBatch,
    private readonly truth: Float64Array,
  ) {}

  /** @throws StepFailure if no row has a score */
  static async encode(
    rows: readonly Row[],
    tokenizer: TextTokenizer,
    config: TransformerConfig,
  ): Promise<ScoreValidation> {
    const scored = rows.filter(hasScore);
    if (scored.length === 0) throw new StepFailure('no-rows', 'no row of the input "validation" has a score');
    const truth = Float64Array.from(scored, ({ score }) => score as number);
    return new ScoreValidation(await tokensOf(scored, tokenizer, config), truth);
  }

  async measure(metric: Metric, runner: Runner, config: TransformerConfig, parameters: HostTensors): Promise<number> {
    const said = Float64Array.from(await classifyTexts(runner, config, parameters, this.tokens));
    const { pearson, spearman, mae, rmse } = scoreQuality(this.truth, said);
    if (metric === 'loss') return rmse ** 2;
    if (metric === 'mae' || metric === 'rmse') return metric === 'mae' ? mae : rmse;
    const correlation = metric === 'spearman' ? spearman : pearson;
    // One score for all texts goes with nothing: no other model is worse.
    return Number.isNaN(correlation) ? -1 : correlation;
  }
}
