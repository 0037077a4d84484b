import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensors } from '../../src/backend/runner.js';
import type { TransformerConfig } from '../../src/models/architecture.js';
import { exitsOf } from '../../src/models/exits.js';
import type { Parameters } from '../../src/models/initialize.js';
import { padTokens } from '../../src/models/padding.js';
import type { Stage as StageOptions } from '../../src/options/train.js';
import { Average } from '../../src/train/average.js';
import { fitBetween } from '../../src/train/fit.js';
import { Optimizer } from '../../src/train/optimizer.js';
import { ruleOf } from '../../src/train/optimizers/index.js';
import { rateFactor } from '../../src/train/schedule.js';
import { withExits } from '../../src/train/together/exits.js';
import { peers } from '../../src/train/together/peers.js';
import { single, type Trainee } from '../../src/train/trainee.js';
import type { Json } from '../../src/util/json.js';
import { readSafetensors } from '../../src/util/safetensors.js';
import { goldenFile, goldenJson, tiny } from '../models/tiny.js';
import { objectivesOf } from './rig.js';

interface Batch {
  readonly ids: readonly number[];
  readonly lengths: readonly number[];
  readonly labels: readonly number[];
}
interface Golden {
  readonly total: number;
  readonly warmup: number;
  readonly length: number;
  readonly rate: number;
  readonly decay: number;
  readonly temperature: number;
  readonly soft: number;
  readonly batches: readonly Batch[];
  /** Of each update, each objective's loss. */
  readonly mutual: readonly (readonly number[])[];
  readonly average: readonly (readonly number[])[];
  readonly exits: readonly (readonly number[])[];
}

const golden = goldenJson<Golden>('together.json');
const { tensors } = await readSafetensors(goldenFile('together.safetensors'));
const runner = await createRunner('onnx', 2);
afterAll(() => runner.release());

const configOf = async (name: string): Promise<TransformerConfig> => ({
  ...(await tiny(name, 'classifier')).config,
  dropout: 0,
});

/** What PyTorch started from. */
const startOf = (name: string): Parameters =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([key]) => key.startsWith(`${name}/`))
      .map(([key, { shape, data }]) => [
        key.slice(name.length + 1),
        { dtype: 'float32' as const, shape, data: data as Float32Array },
      ]),
  );

function feedsOf({ ids, lengths, labels }: Batch): HostTensors {
  const { length } = golden;
  const rows = lengths.length;
  const texts = lengths.map((n, row) => Int32Array.from(ids.slice(row * length, row * length + n)));
  const oneHot = new Float32Array(rows * 3);
  labels.forEach((label, row) => {
    oneHot[row * 3 + label] = 1;
  });
  return {
    ...padTokens(texts, rows, length, 0),
    rows: { dtype: 'float32', shape: [rows], data: new Float32Array(rows).fill(1) },
    labels: { dtype: 'float32', shape: [rows, 3], data: oneHot },
  };
}

/** The losses of each update. */
async function trained(trainee: Trainee, initial: Parameters, ...objectives: Json[]): Promise<number[][]> {
  const options: StageOptions = {
    objectives: objectivesOf(...objectives),
    learning_rate: golden.rate,
    warmup: golden.warmup / golden.total,
    schedule: 'linear',
    freeze: [],
  };
  const stage = trainee.stage(options, Object.keys(initial).join());
  const rule = ruleOf({ type: 'adamw' }, 0.01);
  const optimizer = new Optimizer(initial, trainee.specs, rule, 1, new Set(), trainee.modelOf);
  const parameters = { ...optimizer.parameters, ...stage.fixed };
  const fn = { ...stage.fn, trainable: Object.keys(initial) };
  const losses: number[][] = [];
  for (const [update, batch] of golden.batches.entries()) {
    const { values, gradients } = await runner.gradients(fn, parameters, { ...feedsOf(batch), ...stage.numbers(0) });
    losses.push(stage.losses.map((_, i) => values[`loss.${i}`]?.[0] as number));
    optimizer.add(gradients);
    optimizer.apply(golden.rate * rateFactor('linear', update, golden.total, options.warmup));
    trainee.average?.follow(optimizer.parameters);
  }
  return losses;
}

function expectLosses(mine: readonly (readonly number[])[], theirs: readonly (readonly number[])[]): void {
  expect(mine.map((each) => each.length)).toEqual(theirs.map((each) => each.length));
  theirs.forEach((each, update) => {
    each.forEach((x, i) => {
      expect(Math.abs((mine[update]?.[i] as number) - x), `loss ${i} of update ${update + 1}`).toBeLessThan(2e-5);
    });
  });
}

const soft = { type: 'soft-label', temperature: golden.temperature, weight: golden.soft };

describe('twenty updates are PyTorch’s', () => {
  it('mutual learning', async () => {
    const [bert, distilbert] = [await configOf('bert'), await configOf('distilbert')];
    const trainee = peers([
      { config: bert, teachers: [1] },
      { config: distilbert, teachers: [0] },
    ]);
    expectLosses(await trained(trainee, startOf('mutual'), 'hard-label', soft), golden.mutual);
  });

  it('a mean teacher', async () => {
    const config = await configOf('bert');
    const initial = startOf('average');
    const average = new Average(initial, golden.decay);
    const live = { model: { config, labels: [], parameters: average.parameters }, order: [0, 1, 2] };
    const teacher = { fit: fitBetween(config, config), said: undefined, live };
    const trainee = { ...single(config, [teacher]), average };
    expectLosses(await trained(trainee, initial, 'hard-label', soft), golden.average);
  });

  it('an exit that learns from the last layer', async () => {
    const config = await configOf('bert');
    const trainee = withExits(config, exitsOf(config, [1]));
    const states = { type: 'hidden-states', projection: 'none' };
    expectLosses(await trained(trainee, startOf('exits'), 'hard-label', soft, states), golden.exits);
  });
});
