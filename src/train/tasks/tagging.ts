import type { HostTensors, Runner } from '../../backend/runner.js';
import type { DatasetInfo, Row } from '../../data/dataset.js';
import type { LocatedBatch, TextTokenizer } from '../../data/tokenizer.js';
import { checkTags, isTagged, tagSet, wordsOf } from '../../data/words.js';
import type { TransformerConfig } from '../../models/architecture.js';
import { tagRows } from '../../models/tagger.js';
import { marksEntities } from '../../report/entities.js';
import { argmaxRows, crossEntropyOf } from '../../report/metrics.js';
import { type TaggedRow, tagQuality } from '../../report/tags.js';
import { StepFailure } from '../../util/failure.js';
import { Examples } from '../examples.js';
import { tagTargets } from '../targets/tags.js';
import type { Judge, Metric } from '../validate.js';
import { isTaught } from './classification.js';
import type { Task } from './task.js';

/** A tag for each word: parts of speech, or entities as BIO tags. */
export function tagging(info: DatasetInfo): Task {
  const tags = tagSet(info, 'data');
  return {
    name: 'tagging',
    head: 'token-classifier',
    labels: tags,
    metrics: marksEntities(tags) ? ['entity_f1', 'accuracy', 'macro_f1', 'loss'] : ['accuracy', 'macro_f1', 'loss'],
    async examples(rows, tokenizer, { maxLength, padId }) {
      const located = await locate(rows, tokenizer, maxLength);
      return new Examples(rows, located.tokens, tagTargets(rows, tags, located), padId);
    },
    judge: (rows, tokenizer, { maxLength }) => TagValidation.encode(rows, tags, tokenizer, maxLength),
    trainedOn(rows, stages) {
      const labelled = rows.filter(isTagged).length;
      return { rows: isTaught(stages) ? rows.length : labelled, labelled };
    },
    written: async () => undefined,
  };
}

const locate = (rows: readonly Row[], tokenizer: TextTokenizer, maxLength: number): Promise<LocatedBatch> =>
  tokenizer.locate(
    rows.map(({ text }) => text),
    maxLength,
  );

/** Rows with tags that a tagger is judged by while it learns. */
class TagValidation implements Judge {
  private constructor(
    private readonly rows: readonly Row[],
    private readonly located: LocatedBatch,
    private readonly tags: readonly string[],
  ) {}

  /** @throws StepFailure if no word has a tag, or one has a tag that the model does not know */
  static async encode(
    rows: readonly Row[],
    tags: readonly string[],
    tokenizer: TextTokenizer,
    maxLength: number,
  ): Promise<TagValidation> {
    const tagged = rows.filter(isTagged);
    if (tagged.length === 0) throw new StepFailure('no-rows', 'no word of the input "validation" has a tag');
    checkTags(tagged, tags, 'validation', 'the training data');
    return new TagValidation(tagged, await locate(tagged, tokenizer, maxLength), tags);
  }

  async measure(metric: Metric, runner: Runner, config: TransformerConfig, parameters: HostTensors): Promise<number> {
    const said = await tagRows(runner, config, parameters, this.rows, this.located);
    const answered = this.rows.map((row, i) => judged(row, said[i] as (typeof said)[number], this.tags));
    if (metric === 'loss') {
      const logits = answered.flatMap((row) => row.logits);
      const all = new Float32Array(logits.length * this.tags.length);
      for (const [i, own] of logits.entries()) all.set(own, i * this.tags.length);
      const truth = Int32Array.from(answered.flatMap((row) => row.read));
      return crossEntropyOf(truth, all, this.tags.length);
    }
    const { words, entities } = tagQuality(answered, this.tags);
    if (metric === 'entity_f1') return entities?.f1 ?? 0;
    return metric === 'accuracy' ? words.accuracy : words.macroF1;
  }
}

/** A row's words that have a tag, and what was said of them. */
function judged(row: Row, said: { tokens: Int32Array; logits: Float32Array }, tags: readonly string[]) {
  const n = tags.length;
  const best = argmaxRows(said.logits, n);
  const known = wordsOf(row).flatMap(({ tag }, word) => (tag === null ? [] : [{ word, tag: tags.indexOf(tag) }]));
  const read = known.filter(({ word }) => (said.tokens[word] as number) >= 0);
  return {
    truth: Int32Array.from(known, ({ tag }) => tag),
    predicted: Int32Array.from(known, ({ word }) => ((said.tokens[word] as number) < 0 ? -1 : (best[word] as number))),
    read: read.map(({ tag }) => tag),
    logits: read.map(({ word }) => said.logits.subarray(word * n, (word + 1) * n)),
  } satisfies TaggedRow & { read: number[]; logits: Float32Array[] };
}
