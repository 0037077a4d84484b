import { type DatasetInfo, type Row, readDataset, refuseCopies, syntheticOf } from '../data/dataset.js';
import type { TextTokenizer } from '../data/tokenizer.js';
import type { StepContext } from '../engine/step.js';
import type { TransformerConfig } from '../models/architecture.js';
import type { TrainedOn } from '../models/checkpoint.js';
import type { Similarity } from '../models/sentence-encoder.js';
import type { Stage, TrainOptions } from '../options/train.js';
import { StepFailure } from '../util/failure.js';
import type { Learnable } from './examples.js';
import { type Task, taskOf } from './tasks/index.js';
import type { Judge } from './validate.js';

/** The datasets of the input "data", in its order. */
export interface Data {
  /** Of the first one that has labels, or of the first. */
  readonly info: DatasetInfo;
  readonly rows: readonly (readonly Row[])[];
}

/** Tasks that learn no labels of rows: their datasets may have any. */
const WITHOUT_LABELS: readonly TrainOptions['task'][] = ['generation', 'masked-language-model'];

/** @throws StepFailure `labels` if two of the datasets have other labels, and they are learnt */
export async function readData(ctx: StepContext<TrainOptions>): Promise<Data> {
  const sets: Awaited<ReturnType<typeof readDataset>>[] = [];
  for (const { path } of ctx.inputList('data')) sets.push(await readDataset(path));
  const labelled = sets.find(({ info }) => info.labels.length > 0);
  const info = (labelled ?? (sets[0] as (typeof sets)[number])).info;
  const strange = sets.findIndex(
    (set) =>
      set.info.labels.length > 0 && [...set.info.labels].sort().join('\n') !== [...info.labels].sort().join('\n'),
  );
  if (strange >= 0 && !WITHOUT_LABELS.includes(ctx.options.task)) {
    const list = (labels: readonly string[]): string => labels.join(', ');
    throw new StepFailure(
      'labels',
      `the datasets of the input "data" have other labels: ${list(info.labels)}, and in number ${strange + 1} ${list(sets[strange]?.info.labels ?? [])}`,
      'One model tells one set of labels apart.',
    );
  }
  // Words and spans of one corpus: a part of it may lack some of their names, or have none.
  const names = (key: 'tags' | 'span_labels'): string[] =>
    [...new Set(sets.flatMap((set) => set.info[key] ?? []))].sort();
  return {
    info: { ...info, tags: names('tags'), span_labels: names('span_labels') },
    rows: sets.map(({ rows }) => rows),
  };
}

/** What is learnt in each stage. */
export interface Lessons {
  /** Of the model: of the last stage. */
  readonly task: Task;
  examples(tokenizer: TextTokenizer, config: TransformerConfig): Promise<Learnable[]>;
  /** By what each stage is judged; undefined where it is not. */
  judges(tokenizer: TextTokenizer, config: TransformerConfig): Promise<(Judge | undefined)[]>;
  trainedOn(stages: readonly Stage[]): TrainedOn;
  /** Of a model that compares vectors: how their cosine says that two texts belong together, by the rows that judge it, or else by those that it learnt. */
  similarity(...given: Given): Promise<Similarity | undefined>;
}

type Given = Parameters<NonNullable<Task['similarity']>> extends [unknown, ...infer Rest] ? Rest : never;

/**
 * What the stages learn: each may have data, a prompt and a way to learn from responses of its own.
 * @throws StepFailure if a stage names data that is not there, or no stage learns from some
 */
export function lessonsOf(ctx: StepContext<TrainOptions>, { info, rows }: Data): Lessons {
  const { options } = ctx;
  const stages = options.stages ?? [];
  const places = stages.map(({ data = 1 }) => data - 1);
  places.forEach((place, i) => {
    if (place < rows.length) return;
    throw new StepFailure(
      'no-data',
      `stage ${i + 1} learns from data ${place + 1}, and the input "data" has ${rows.length}`,
      'They are counted from 1.',
    );
  });
  const idle = rows.findIndex((_, place) => !places.includes(place));
  if (stages.length > 0 && rows.length > 1 && idle >= 0) {
    throw new StepFailure(
      'not-used',
      `the input "data" has ${rows.length} datasets, and no stage learns from number ${idle + 1}`,
      `Add data: ${idle + 1} to a stage.`,
    );
  }
  const tasks = stages.map((stage) => taskOf(ctx, info, stage));
  const judged = ctx.optionalInput('validation');
  return {
    task: tasks.at(-1) ?? taskOf(ctx, info),
    async examples(tokenizer, config) {
      const made: Learnable[] = [];
      for (const [i, task] of tasks.entries()) {
        // Stages that learn the same share what was encoded.
        const same = tasks.findIndex((_, j) => j < i && places[j] === places[i] && alike(stages, i, j));
        made.push(
          same >= 0 ? (made[same] as Learnable) : await task.examples(rowsOf(rows, places[i]), tokenizer, config),
        );
      }
      return made;
    },
    async judges(tokenizer, config) {
      if (!judged) return stages.map(() => undefined);
      const { rows: asked } = await readDataset(judged.path);
      refuseCopies(asked, 'validation');
      const made: (Judge | undefined)[] = [];
      for (const [i, task] of tasks.entries()) {
        const same = tasks.findIndex((_, j) => j < i && made[j] !== undefined && alike(stages, i, j));
        if (!stages[i]?.validate) made.push(undefined);
        else made.push(same >= 0 ? made[same] : await task.judge(asked, tokenizer, config));
      }
      return made;
    },
    trainedOn(judgedStages) {
      const used = [...new Set(places)].flatMap((place) => rowsOf(rows, place));
      return { ...(tasks.at(-1) as Task).trainedOn(used, judgedStages), ...syntheticOf(used) };
    },
    async similarity(...given) {
      const task = tasks.at(-1) as Task;
      if (task.similarity && !judged) {
        const message =
          'from which cosine on two texts belong together is said by the training pairs, of which the model is too sure: give "validation"';
        ctx.log('warning', message);
      }
      return task.similarity?.(judged ? (await readDataset(judged.path)).rows : rows.flat(), ...given);
    },
  };
}

const rowsOf = (rows: Data['rows'], place: number | undefined): readonly Row[] => rows[place ?? 0] ?? [];

/** Whether two stages read rows in the same way. */
function alike(stages: readonly Stage[], a: number, b: number): boolean {
  const [one, other] = [stages[a], stages[b]];
  return one?.prompt === other?.prompt && one?.learn_from === other?.learn_from;
}
