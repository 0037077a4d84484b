import { describe, expect, it } from 'vitest';
import type { Gradient } from '../../src/backend/runner.js';
import type { ParameterSpec } from '../../src/models/architecture.js';
import { Optimizer } from '../../src/train/optimizer.js';
import { adamw } from '../../src/train/optimizers/adamw.js';
import { rateFactor } from '../../src/train/schedule.js';
import { expectClose, float32, floats } from '../backend/rig.js';
import { goldenJson } from '../models/tiny.js';

type Numbers = Readonly<Record<string, readonly number[]>>;
interface GoldenAdamW {
  readonly rate: number;
  readonly warmup: number;
  readonly weightDecay: number;
  readonly shapes: Numbers;
  readonly decayed: readonly string[];
  readonly initial: Numbers;
  readonly gradients: readonly Numbers[];
  readonly norms: readonly number[];
  readonly after: Readonly<Record<string, Numbers>>;
}

const once = (optimizer: Optimizer, gradients: Readonly<Record<string, Gradient>>, rate: number): number => {
  optimizer.add(gradients);
  return optimizer.apply(rate);
};

const spec = (shape: readonly number[], decay = false): ParameterSpec => ({ shape, initial: 'zeros', decay });

describe('AdamW', () => {
  const golden = goldenJson<GoldenAdamW>('adamw.json');
  const specs = Object.fromEntries(
    Object.entries(golden.shapes).map(([name, shape]) => [name, spec(shape, golden.decayed.includes(name))]),
  );
  const fresh = (): Optimizer =>
    new Optimizer(
      Object.fromEntries(
        Object.entries(golden.initial).map(([name, data]) => [name, float32(golden.shapes[name] as number[], data)]),
      ),
      specs,
      adamw(golden.weightDecay),
      1,
    );
  const total = golden.gradients.length;
  const step = (optimizer: Optimizer, update: number): number =>
    once(
      optimizer,
      Object.fromEntries(
        Object.entries(golden.gradients[update] as Numbers).map(([name, g]) => [name, { dense: Float32Array.from(g) }]),
      ),
      golden.rate * rateFactor('linear', update, total, golden.warmup),
    );

  it('does what torch.optim.AdamW does: clipping, decay, warm-up, a parameter that gets no gradient', () => {
    const optimizer = fresh();
    for (let update = 0; update < total; update++) {
      expectClose([step(optimizer, update)], [golden.norms[update] as number], 'norm', 1e-6);
      const after = golden.after[update + 1];
      for (const [name, expected] of Object.entries(after ?? {})) {
        const { data } = optimizer.parameters[name] as { data: Float32Array };
        const largest = Math.max(...expected.map(Math.abs));
        expected.forEach((x, i) => {
          expect(Math.abs((data[i] as number) - x), `${name}[${i}] after ${update + 1}`).toBeLessThan(1e-5 * largest);
        });
      }
    }
  });

  it('goes on bit by bit from what it saved', () => {
    const [straight, first] = [fresh(), fresh()];
    for (let update = 0; update < total; update++) step(straight, update);
    for (let update = 0; update < 20; update++) step(first, update);
    const numbers = (from: Optimizer['parameters']): Record<string, Float32Array> =>
      Object.fromEntries(Object.entries(from).map(([name, { data }]) => [name, data.slice()]));
    const { tensors, updates } = first.state();
    const resumed = fresh();
    resumed.restore(numbers(first.parameters), numbers(tensors), updates);
    for (let update = 20; update < total; update++) step(resumed, update);
    expect(resumed.parameters).toEqual(straight.parameters);
    expect(resumed.state()).toEqual(straight.state());
  });

  it('adds rows up in their order, duplicates too, for tables of any rank', () => {
    // Widths that the kernel's four lanes divide and do not; more rows than it takes at a time.
    for (const [shape, count] of [
      [[5, 3], 5],
      [[5], 5],
      [[5, 2, 3], 5],
      [[5, 8], 700],
      [[5, 5], 513],
    ] as const) {
      const table = floats('table', shape);
      const width = table.data.length / 5;
      const ids = Int32Array.from({ length: count }, (_, i) => [4, 1, 4, 4, 0, 2][i % 6] as number);
      const rows = floats('rows', [count, width]).data;
      const whole = new Float32Array(table.data.length);
      ids.forEach((id, i) => {
        for (let j = 0; j < width; j++) {
          whole[id * width + j] = (whole[id * width + j] as number) + (rows[i * width + j] as number);
        }
      });
      const run = (gradient: Gradient) => {
        // Another parameter behind it, that must not be written over.
        const optimizer = new Optimizer(
          { table, z: floats('z', [4]) },
          { table: spec(shape, true), z: spec([4]) },
          adamw(0.01),
          1,
        );
        const norms = [1, 2, 3].map(() => once(optimizer, { table: gradient }, 0.1));
        return { norms, parameters: optimizer.parameters };
      };
      expect(run({ rows, ids, width }), `shape ${shape}`).toEqual(run({ dense: whole }));
    }
  });

  it('moves rows that no token touched by their momentum', () => {
    const optimizer = new Optimizer({ table: floats('t', [3, 4]) }, { table: spec([3, 4]) }, adamw(0.01), 1);
    const data = (): Float32Array => (optimizer.parameters.table as { data: Float32Array }).data.slice();
    once(optimizer, { table: { rows: floats('r', [1, 4]).data, ids: Int32Array.of(1), width: 4 } }, 0.1);
    const before = data();
    once(optimizer, { table: { rows: floats('r', [1, 4]).data, ids: Int32Array.of(0), width: 4 } }, 0.1);
    const after = data();
    for (let i = 4; i < 8; i++) expect(after[i]).not.toBe(before[i]);
    expect(after.subarray(8)).toEqual(before.subarray(8));
  });

  it('refuses a gradient that is not finite, and changes nothing', () => {
    const optimizer = fresh();
    step(optimizer, 0);
    const before = structuredClone(optimizer.parameters);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const gradient = { dense: Float32Array.of(1, 2, 3, bad, 5, 6, 7) };
      expect(() => once(optimizer, { bias: gradient }, 0.1)).toThrow('the gradient is not finite');
    }
    expect(optimizer.parameters).toEqual(before);
  });

  it('knows its parameters', () => {
    expect(() => fresh().add({ other: { dense: new Float32Array(1) } })).toThrow('"other", which is no parameter');
    expect(() => fresh().restore({}, {}, {})).toThrow('the checkpoint has no "matrix"');
  });
});

describe('the learning rate', () => {
  const all = (schedule: 'linear' | 'cosine' | 'constant') =>
    Array.from({ length: 10 }, (_, i) => rateFactor(schedule, i, 10, 0.2));

  it('rises to 1 over the warm-up, then falls to almost 0 or stays', () => {
    expectClose(all('linear'), [0.5, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]);
    // transformers' get_cosine_schedule_with_warmup from its second update on
    const cosine = [0.5, 1, 1, 0.96194, 0.853553, 0.691342, 0.5, 0.308658, 0.146447, 0.03806];
    expectClose(all('cosine'), cosine, 'cosine', 1e-6);
    expect(all('constant')).toEqual([0.5, ...new Array(9).fill(1)]);
  });

  it('has no warm-up, or nothing else', () => {
    expect(rateFactor('linear', 0, 10, 0)).toBe(1);
    expect(rateFactor('linear', 0, 1, 1)).toBe(1);
    expect([0, 1, 2].map((i) => rateFactor('linear', i, 3, 1))).toEqual([1 / 3, 2 / 3, 1]);
  });
});
