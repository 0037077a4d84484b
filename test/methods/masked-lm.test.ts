import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensor, type HostTensors, type Runner } from '../../src/backend/runner.js';
import { NEXT } from '../../src/models/continuations.js';
import type { Parameters } from '../../src/models/initialize.js';
import { valueShape } from '../../src/models/values.js';
import type { Stage } from '../../src/options/train.js';
import { buildStage } from '../../src/train/stage.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { TESTED } from '../backend/backends.js';
import { dense, expectClose, float32 } from '../backend/rig.js';
import { goldenFile, goldenJson, type MaskedGolden, tiny } from '../models/tiny.js';
import { objectivesOf } from '../train/rig.js';

/** Room for more tokens than there are: what only fills up must not count. */
const ROOM = 16;

describe('the losses of masked language models', async () => {
  const { config: dropping, parameters, gradients: alone, batch, golden } = await tiny('bert', 'masked-language-model');
  const config = { ...dropping, dropout: 0 };
  const masked = goldenJson<MaskedGolden>('masked-bert.json');
  const { tensors } = await readSafetensors(goldenFile('triple.safetensors'));
  const losses = goldenJson<Record<string, number>>('triple.json');
  const runners = Object.fromEntries(
    await Promise.all(TESTED.map(async (backend) => [backend, await createRunner(backend, 2)] as const)),
  ) as Record<'onnx', Runner> & Record<string, Runner>;
  afterAll(() => runners.onnx.release());

  const rows = golden.lengths.length;
  const room = (from: readonly number[], filler: number): HostTensor => ({
    dtype: 'int32',
    shape: [ROOM],
    data: Int32Array.from({ length: ROOM }, (_, i) => from[i] ?? filler),
  });
  const fed: HostTensors = {
    mask: batch.mask as HostTensor,
    ids: { dtype: 'int32', shape: [rows, Math.max(...golden.lengths)], data: Int32Array.from(masked.ids) },
    rows: float32(
      [rows],
      Array.from({ length: rows }, () => 1),
    ),
    [NEXT.positions]: room(masked.positions, 0),
    [NEXT.targets]: room(masked.targets, 7),
    [NEXT.weights]: float32(
      [ROOM],
      Array.from({ length: ROOM }, (_, i) => (i < masked.targets.length ? 1 : 0)),
    ),
  };
  const options = (objectives: Stage['objectives']): Stage => ({
    objectives,
    learning_rate: 1,
    warmup: 0,
    schedule: 'linear',
    freeze: [],
  });
  const expectGradients = (
    found: Awaited<ReturnType<Runner['gradients']>>['gradients'],
    expected: Readonly<Record<string, Float32Array>>,
  ): void => {
    expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
    for (const [key, theirs] of Object.entries(expected)) {
      const largest = theirs.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const own = dense(found[key], parameters[key] as HostTensor);
      theirs.forEach((x, i) => {
        expect(Math.abs((own[i] as number) - x), `${key}[${i}]`).toBeLessThanOrEqual(1e-5 + 1e-4 * largest);
      });
    }
  };

  it.each(TESTED)('masked-lm has transformers’ value and gradients (%s)', async (backend) => {
    const stage = buildStage(config, options(objectivesOf('masked-lm')), [], 'masked-lm');
    const runner = runners[backend] as Runner;
    const { values, gradients } = await runner.gradients(stage.fn, parameters, { ...fed, ...stage.numbers(0) });
    expectClose(values.loss, [masked.loss], 'loss', 1e-5);
    expectGradients(gradients, alone);
  });

  it.each(TESTED)('DistilBERT’s three losses are those of its code, gradients too (%s)', async (backend) => {
    const named = (prefix: string) =>
      Object.entries(tensors).flatMap(([key, tensor]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), tensor] as const] : [],
      );
    const teacher: Parameters = Object.fromEntries(
      named('teacher:').map(([key, { shape, data }]) => [key, { dtype: 'float32', shape, data }]),
    );
    const fit = {
      layers: { student: config.layers, teacher: config.layers },
      studentHidden: config.hidden,
      teacherHidden: config.hidden,
      studentHeads: config.heads,
      teacherHeads: config.heads,
      studentValues: valueShape(config),
      teacherValues: undefined,
    };
    const objectives = objectivesOf(
      { type: 'soft-label', weight: 5, temperature: 2 },
      { type: 'masked-lm', weight: 2 },
      { type: 'hidden-states', weight: 1, layer_map: 'last', distance: 'cosine', projection: 'none' },
    );
    const live = { model: { config, labels: [], parameters: teacher }, order: [] };
    const stage = buildStage(config, options(objectives), [fit], 'triple', [live]);
    const fn = { ...stage.fn, trainable: Object.keys(parameters) };
    const all = { ...parameters, ...stage.fixed };
    const { values, gradients } = await (runners[backend] as Runner).gradients(fn, all, {
      ...fed,
      ...stage.numbers(0),
    });
    for (const [i, { type }] of objectives.entries()) {
      expectClose(values[`loss.${i}`], [losses[type] as number], type, 1e-5);
    }
    expectGradients(gradients, Object.fromEntries(named('grad:').map(([key, { data }]) => [key, data])));
  });
});
