import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type HostTensors, type Runner } from '../../src/backend/runner.js';
import type { Row, Word } from '../../src/data/dataset.js';
import { EncodedBatch } from '../../src/data/tokenizer.js';
import type { Fit } from '../../src/methods/objective.js';
import type { Head } from '../../src/models/architecture.js';
import { architectureOf } from '../../src/models/architectures.js';
import { forward } from '../../src/models/forward.js';
import type { Objective } from '../../src/options/train.js';
import { teacherFeeds } from '../../src/train/examples.js';
import { buildStage } from '../../src/train/stage.js';
import type { TargetEncoding } from '../../src/train/targets/encoding.js';
import { manyLabels } from '../../src/train/targets/many-labels.js';
import { scores } from '../../src/train/targets/scores.js';
import { tagTargets } from '../../src/train/targets/tags.js';
import { float16Bits } from '../../src/util/float16.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose } from '../backend/rig.js';
import { goldenFile, goldenJson, tiny } from '../models/tiny.js';

interface GoldenTasks {
  readonly words: readonly (readonly (readonly [token: number, tag: number | null])[])[];
  readonly labels: readonly (readonly string[] | null)[];
  readonly scores: readonly (number | null)[];
  readonly teacher: Readonly<Record<string, readonly number[]>>;
  readonly cases: Readonly<Record<string, { readonly body: string; readonly loss: number; readonly logits: number[] }>>;
}

const TAGS = ['a', 'b', 'c'];
const LABELS = ['first', 'second', 'third'];
const golden = goldenJson<GoldenTasks>('tasks.json');

describe('tasks', async () => {
  const { tensors } = await readSafetensors(goldenFile('tasks.safetensors'));
  const runners = Object.fromEntries(
    await Promise.all(TESTED.map(async (backend) => [backend, await createRunner(backend, 2)] as const)),
  ) as Record<'onnx' | 'cpu', Runner>;
  afterAll(() => runners.onnx.release());

  const lengths = [8, 5, 2, 1];
  const row = (i: number, more: Partial<Row>): Row => ({ id: String(i), text: '', label: null, ...more });
  // Token k is the characters k and k + 1, but for the first, which is special.
  const place = (n: number) => ({
    starts: Int32Array.from({ length: n }, (_, k) => k),
    ends: Int32Array.from({ length: n }, (_, k) => (k === 0 ? 0 : k + 1)),
  });
  const wordOf = ([token, tag]: readonly [number, number | null]): Word => ({
    start: token,
    end: token + 1,
    tag: tag === null ? null : (TAGS[tag] as string),
  });
  const targets: Record<string, { readonly head: Head; readonly labels: number; readonly encoding: TargetEncoding }> = {
    tags: {
      head: 'token-classifier',
      labels: 3,
      encoding: tagTargets(
        golden.words.map((words, i) => row(i, { words: words.map(wordOf) })),
        TAGS,
        { tokens: EncodedBatch.of([]), places: lengths.map(place) },
      ),
    },
    labels: {
      head: 'multi-label',
      labels: 3,
      encoding: manyLabels(
        golden.labels.map((labels, i) => row(i, labels ? { labels } : {})),
        LABELS,
      ),
    },
    score: {
      head: 'regression',
      labels: 1,
      encoding: scores(golden.scores.map((score, i) => row(i, score === null ? {} : { score }))),
    },
  };
  const teachers: Record<string, string> = { tags: 'tagging', labels: 'multi-label', score: 'regression' };

  it.each(Object.keys(golden.cases))('%s: value, logits and gradients of transformers', async (title) => {
    const { body, loss, logits } = golden.cases[title] as GoldenTasks['cases'][string];
    const kind = title.split(' ').at(-1) as string;
    const { head, labels, encoding } = targets[kind] as (typeof targets)[string];
    const own = await tiny(body);
    const config = { ...own.config, head, labels, dropout: 0 };
    const parameters: HostTensors = Object.fromEntries(
      Object.keys(architectureOf(config).parameters(config)).map((name) => {
        const made = tensors[`${title}/${name}`];
        return [name, made ? { dtype: 'float32', shape: made.shape, data: made.data } : own.parameters[name]];
      }),
    ) as HostTensors;
    const soft = title.includes('soft');
    const shape = head === 'token-classifier' ? [4, 8, labels] : [4, labels];
    const feeds: HostTensors = {
      ...own.batch,
      ...encoding.feeds([0, 1, 2, 3], 4, 8),
      ...(soft && {
        [teacherFeeds(0).logits]: {
          dtype: 'float16',
          shape,
          data: float16Bits(Float32Array.from(golden.teacher[teachers[kind] as string] as number[])),
        },
      }),
    };
    const fit: Fit = {
      layers: { student: 2, teacher: 2 },
      studentHidden: 16,
      teacherHidden: 16,
      studentHeads: 4,
      teacherHeads: 4,
      studentValues: { heads: 4, width: 4 },
      teacherValues: { heads: 4, width: 4 },
    };
    const objective: Objective = soft
      ? {
          type: 'soft-label',
          weight: 1,
          teacher: 1,
          temperature: kind === 'score' ? 1 : 2,
          divergence: { type: 'forward' },
        }
      : { type: 'hard-label', weight: 1 };
    const options = { objectives: [objective], learning_rate: 1, warmup: 0, schedule: 'linear', freeze: [] } as const;
    const { fn, numbers } = buildStage(config, { ...options, objectives: [objective], freeze: [] }, [fit], title);
    for (const runner of Object.values(runners)) {
      const { values, gradients } = await runner.gradients(fn, parameters, { ...feeds, ...numbers(0) });
      expectClose(values.loss, [loss], 'loss', 1e-5);
      const theirs = Object.keys(tensors).filter((key) => key.startsWith(`${title}/grad:`));
      expect(theirs.length).toBeGreaterThan(1);
      for (const key of theirs) {
        const name = key.slice(`${title}/grad:`.length);
        expectClose(dense(gradients[name], parameters[name] as HostTensor), tensors[key]?.data, name);
      }
    }
    const all = { key: `${title} logits`, call: (p: never, b: never) => ({ logits: logitsOf(config, p, b) }) };
    const said = (await runners.onnx.forward(all as never, parameters, own.batch)).logits as Float32Array;
    const width = said.length / 4;
    for (const [i, n] of lengths.entries()) {
      const real = head === 'token-classifier' ? n * labels : width;
      expectClose(said.subarray(i * width, i * width + real), logits.slice(i * width, i * width + real), 'logits');
    }
  });
});

function logitsOf(config: Parameters<typeof forward>[0], p: Parameters<typeof forward>[1], b: Record<string, never>) {
  const input = { ids: b.ids as never, mask: b.mask as never, dropout: [], lastTokens: 'all' as const };
  return forward(config, p, input).logits;
}
