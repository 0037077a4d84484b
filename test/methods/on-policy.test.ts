import { afterAll, describe, expect, it } from 'vitest';
import { createRunner, type HostTensors, type Tensors } from '../../src/backend/runner.js';
import { type Tensor, tf } from '../../src/backend/tf.js';
import type { LossInput } from '../../src/methods/objective.js';
import { gkd } from '../../src/methods/objectives/gkd.js';
import { minillm } from '../../src/methods/objectives/minillm.js';
import type { Gkd, MiniLlm } from '../../src/options/train.js';
import { Optimizer } from '../../src/train/optimizer.js';
import { adamw } from '../../src/train/optimizers/adamw.js';
import { returnsOf } from '../../src/train/rollouts.js';
import { Random } from '../../src/util/random.js';
import { dense, expectClose, float32 } from '../backend/rig.js';

const WORDS = 3;
const LENGTH = 3;
/** All contexts of a text of three words: none, one word, two. */
const CONTEXTS = 1 + WORDS + WORDS ** 2;
const contextOf = (words: readonly number[]): number =>
  words.length === 0
    ? 0
    : words.length === 1
      ? 1 + (words[0] as number)
      : 1 + WORDS + (words[0] as number) * WORDS + (words[1] as number);

const MINILLM: MiniLlm = {
  type: 'minillm',
  weight: 1,
  teacher: 1,
  student_share: 1,
  max_tokens: 3,
  sampling_temperature: 1,
  teacher_share: 0,
  length_normalised: false,
  discount: 1,
  reward_scale: 1,
};

describe('learning from what the student writes', async () => {
  const runner = await createRunner('onnx', 2);
  afterAll(() => runner.release());
  const random = new Random(1, 'tables');
  const table = (name: string) =>
    float32(
      [CONTEXTS, WORDS],
      Array.from({ length: CONTEXTS * WORDS }, () => 1.5 * random.normal() + 0 * name.length),
    );
  const [student, teacher] = [table('student'), table('teacher')];
  const logOf = ({ data }: typeof student, context: number, word: number): number => {
    const row = [...data.subarray(context * WORDS, (context + 1) * WORDS)];
    return (row[word] as number) - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
  };
  const texts = Array.from({ length: WORDS ** LENGTH }, (_, i) => [Math.floor(i / 9), Math.floor(i / 3) % 3, i % 3]);

  interface Token {
    readonly context: number;
    readonly word: number;
    readonly student: number;
    readonly drawn: number;
    readonly sum: number;
    readonly often: number;
  }
  const feedsOf = (rows: readonly Token[], importance: (token: Token) => number): HostTensors => ({
    teacher,
    contexts: { dtype: 'int32', shape: [rows.length], data: Int32Array.from(rows, ({ context }) => context) },
    words: { dtype: 'int32', shape: [rows.length], data: Int32Array.from(rows, ({ word }) => word) },
    weights: float32(
      [rows.length],
      rows.map(({ often }) => often),
    ),
    returns: float32(
      [rows.length],
      rows.map(({ sum }) => sum),
    ),
    importance: float32([rows.length], rows.map(importance)),
  });
  const call = (parameters: Tensors, b: Tensors): Tensors => {
    const at = (x: Tensor): Tensor => tf.gather(x, b.contexts as tf.Tensor1D);
    const logits = at(parameters.student as Tensor);
    const chosen = tf.oneHot(b.words as tf.Tensor1D, WORDS);
    const input = {
      continuation: {
        logits: () => logits,
        losses: tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.cast(chosen, 'float32')), -1)),
        weights: b.weights,
      },
      teacher: { next: { keep: 'full', logits: at(b.teacher as Tensor) } },
      policy: { returns: b.returns, importance: b.importance },
    } as unknown as LossInput;
    // A mean over tokens: three of them are a text.
    return { loss: tf.mul(minillm.loss(MINILLM, input, undefined), LENGTH) };
  };

  /** minillm's mean over all texts that there are, each as often as it is drawn from a mixture with the teacher. */
  async function expected(mixed: number): Promise<Float32Array> {
    const rows = texts.flatMap((words) => {
      const tokens = words.map((word, t) => {
        const context = contextOf(words.slice(0, t));
        const [q, p] = [logOf(student, context, word), logOf(teacher, context, word)];
        const drawn = Math.log((1 - mixed) * Math.exp(q) + mixed * Math.exp(p));
        return { context, word, student: q, teacher: p, drawn };
      });
      const often = Math.exp(tokens.reduce((sum, { drawn }) => sum + drawn, 0));
      return returnsOf(tokens, 1, false).map((sum, t) => ({ ...(tokens[t] as (typeof tokens)[0]), sum, often }));
    });
    const batch = feedsOf(rows, ({ student: q, drawn }) => Math.exp(q - drawn));
    const { gradients } = await runner.gradients({ key: `minillm ${mixed}`, call }, { student }, batch);
    return dense(gradients.student, student).slice();
  }

  it('minillm: its mean gradient is that of KL(student ‖ teacher) of whole texts', async () => {
    const call = (parameters: Tensors, b: Tensors): Tensors => {
      const [q, p] = [tf.logSoftmax(parameters.student as Tensor), tf.logSoftmax(b.teacher as Tensor)];
      const all = (logs: Tensor): Tensor => {
        const flat = tf.reshape(logs, [-1]);
        const places = texts.flatMap((words) => words.map((word, t) => contextOf(words.slice(0, t)) * WORDS + word));
        return tf.sum(tf.reshape(tf.gather(flat, tf.tensor1d(places, 'int32')), [texts.length, LENGTH]), -1);
      };
      const [mine, theirs] = [all(q), all(p)];
      return { loss: tf.sum(tf.mul(tf.exp(mine), tf.sub(mine, theirs))) };
    };
    const { gradients } = await runner.gradients({ key: 'whole texts', call }, { student }, { teacher });
    expectClose(await expected(0), dense(gradients.student, student), 'gradient', 1e-4);
  });

  it('minillm: reaches the optimum that is known, the teacher, by the texts that it draws', async () => {
    const specs = { student: { shape: [CONTEXTS, WORDS], initial: 'zeros', decay: false } } as const;
    const optimizer = new Optimizer({ student: { ...student, dtype: 'float32' } }, specs, adamw(0), 0);
    const draws = new Random(2, 'draws');
    const own = () => optimizer.parameters.student as typeof student;
    const distance = (): number =>
      texts.reduce((sum, words) => {
        const [q, p] = [own(), teacher].map((from) =>
          words.reduce((all, word, t) => all + logOf(from, contextOf(words.slice(0, t)), word), 0),
        ) as [number, number];
        return sum + Math.exp(q) * (q - p);
      }, 0);
    const before = distance();
    for (let update = 0; update < 300; update++) {
      const rows = Array.from({ length: 32 }, () => {
        const words: number[] = [];
        const tokens = [0, 1, 2].map(() => {
          const context = contextOf(words);
          const point = draws.uniform();
          const chances = [0, 1, 2].map((word) => Math.exp(logOf(own(), context, word)));
          const word =
            point < (chances[0] as number) ? 0 : point < (chances[0] as number) + (chances[1] as number) ? 1 : 2;
          words.push(word);
          return {
            context,
            word,
            student: logOf(own(), context, word),
            teacher: logOf(teacher, context, word),
            drawn: 0,
          };
        });
        return returnsOf(tokens, 1, false).map((sum, t) => ({ ...(tokens[t] as (typeof tokens)[0]), sum, often: 1 }));
      }).flat();
      const { gradients } = await runner.gradients(
        { key: 'drawn', call },
        optimizer.parameters,
        feedsOf(rows, () => 1),
      );
      optimizer.add(gradients);
      optimizer.apply(0.05 * (1 - update / 300));
    }
    expect(before).toBeGreaterThan(0.5);
    expect(distance()).toBeLessThan(0.01);
  });

  it('minillm: tokens drawn from the teacher too are weighted by their importance', async () => {
    // The weights are of one token and not of the text so far (eq. 8), so that it is the same direction and not the same.
    const [own, mixed] = [await expected(0), await expected(0.2)];
    const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
    expect(dot(own, mixed) / Math.sqrt(dot(own, own) * dot(mixed, mixed))).toBeGreaterThan(0.98);
  });

  it('a return is of what comes after, discounted and per token where that is asked for', () => {
    const tokens = [1, 2, 4].map((gain) => ({ student: -gain, teacher: 0 }));
    expect(returnsOf(tokens, 1, false)).toEqual([6, 4, 0]);
    expect(returnsOf(tokens, 0.5, false)).toEqual([4, 4, 0]);
    expect(returnsOf(tokens, 1, true)).toEqual([3, 4, 0]);
  });

  describe('of a student that can hold one hill only, from a teacher with two', () => {
    const TOKENS = 40;
    const hill = (mean: number, width: number): number[] =>
      Array.from({ length: TOKENS }, (_, x) => Math.exp(-((x - mean) ** 2) / (2 * width ** 2)));
    const normal = (mass: readonly number[]): number[] => {
      const sum = mass.reduce((a, b) => a + b, 0);
      return mass.map((x) => x / sum);
    };
    const [left, right] = [normal(hill(10, 2)), normal(hill(29, 2))];
    const two = left.map((x, i) => 0.55 * x + 0.45 * (right[i] as number) + 1e-6);
    const log = two.map((x) => Math.log(x / two.reduce((a, b) => a + b, 0)));
    const option = (beta: number): Gkd => ({
      type: 'gkd',
      weight: 1,
      teacher: 1,
      beta,
      rescale: false,
      temperature: 1,
      student_share: 1,
      max_tokens: 1,
      sampling_temperature: 1,
    });
    /** The logits of a hill: −(x − mean)²/(2·width²). */
    const call = (beta: number) => (p: Tensors, b: Tensors) => {
      const x = tf.tensor(
        Float32Array.from({ length: TOKENS }, (_, i) => i),
        [1, TOKENS],
      );
      const logits = tf.neg(
        tf.div(tf.square(tf.sub(x, p.mean as Tensor)), tf.mul(tf.square(tf.exp(p.width as Tensor)), 2)),
      );
      const input = {
        continuation: { logits: () => logits, losses: tf.zeros([1]), weights: tf.ones([1]) },
        teacher: { next: { keep: 'full', logits: b.teacher } },
      } as unknown as LossInput;
      return { loss: gkd.loss(option(beta), input, undefined) };
    };
    const feeds = { teacher: float32([1, TOKENS], log) };
    const klOf = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((sum, x, i) => sum + (x > 0 ? x * Math.log(x / (b[i] as number)) : 0), 0);

    async function learn(beta: number, mean: number): Promise<{ mean: number; width: number; loss: number }> {
      const specs = {
        mean: { shape: [1], initial: 'zeros', decay: false },
        width: { shape: [1], initial: 'zeros', decay: false },
      } as const;
      const optimizer = new Optimizer(
        { mean: float32([1], [mean]) as never, width: float32([1], [Math.log(3)]) as never },
        specs,
        adamw(0),
        0,
      );
      let loss = 0;
      for (let i = 0; i < 600; i++) {
        const { values, gradients } = await runner.gradients(
          { key: `hill ${beta}`, call: call(beta) },
          optimizer.parameters,
          feeds,
        );
        loss = values.loss?.[0] as number;
        optimizer.add(gradients);
        optimizer.apply(0.1 * (1 - i / 600));
      }
      const at = (name: string): number => optimizer.parameters[name]?.data[0] as number;
      return { mean: at('mean'), width: Math.exp(at('width')), loss };
    }
    /** The best hill there is, looked for among all. */
    const best = (distance: (q: number[]) => number): { mean: number; width: number; loss: number } => {
      let found = { mean: 0, width: 0, loss: Number.POSITIVE_INFINITY };
      for (let mean = 0; mean < TOKENS; mean += 0.25) {
        for (let width = 0.5; width < 15; width += 0.1) {
          const loss = distance(normal(hill(mean, width)));
          if (loss < found.loss) found = { mean, width, loss };
        }
      }
      return found;
    };
    const p = log.map(Math.exp);

    it('forward KL covers both: the optimum lies between them', async () => {
      const optimum = best((q) =>
        klOf(
          p,
          q.map((x) => x + 1e-30),
        ),
      );
      const made = await learn(0, 14);
      expect(made.loss).toBeLessThan(optimum.loss + 0.002);
      expect(Math.abs(made.mean - optimum.mean)).toBeLessThan(1);
      expect(made.mean).toBeGreaterThan(15);
      expect(made.mean).toBeLessThan(24);
      expect(made.width).toBeGreaterThan(8);
    });

    it('reverse KL seeks one: the optimum is the larger', async () => {
      const optimum = best((q) => klOf(q, p));
      const made = await learn(1, 14);
      expect(made.loss).toBeLessThan(optimum.loss + 0.002);
      expect(Math.abs(made.mean - 10)).toBeLessThan(0.3);
      expect(made.width).toBeLessThan(3);
    });
  });
});
