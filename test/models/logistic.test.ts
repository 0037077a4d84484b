import { readFileSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadPredictor } from '../../src/models/index.js';
import { buildVocabulary, type FeatureOptions, Vectorizer } from '../../src/models/logistic/features.js';
import { fitSoftmax, objectiveOf } from '../../src/models/logistic/fit.js';
import { minimise } from '../../src/models/logistic/lbfgs.js';
import { type LogisticOptions, logitsOf, saveLogistic, trainLogistic } from '../../src/models/logistic.js';
import { softmax } from '../../src/report/metrics.js';
import { writeSafetensors } from '../../src/util/safetensors.js';
import { digests, temporaryFolder } from '../steps/context.js';

interface GoldenFit {
  name: string;
  labels: number;
  targets: number[][];
  weights: number[];
  l2: number;
  coef: number[][];
  intercept: number[];
  probabilities: number[][];
  loss: number;
}
const golden = JSON.parse(readFileSync(new URL('../golden/logistic.json', import.meta.url), 'utf8')) as {
  texts: string[];
  ngrams: string[];
  idf: number[];
  rows: [number, number][][];
  fits: GoldenFit[];
};

const options: LogisticOptions = {
  word_ngrams: 2,
  min_count: 2,
  max_features: 200_000,
  max_words: null,
  lowercase: true,
  l2: 0.1,
};
const { texts } = golden;
const oneHot = (classes: readonly number[], labels: number): Float32Array =>
  Float32Array.from({ length: classes.length * labels }, (_, i) =>
    classes[Math.floor(i / labels)] === i % labels ? 1 : 0,
  );
const classes = texts.map((text) => (/win|buy|FREE/.test(text) ? 1 : 0));
const train = (more: Partial<LogisticOptions> = {}) =>
  trainLogistic({ texts, targets: oneHot(classes, 2), labels: ['ham', 'spam'], options: { ...options, ...more } });

describe('features, against scikit-learn', () => {
  test('vocabulary and TF-IDF', async () => {
    const vocabulary = await buildVocabulary(texts, options);
    // Both sort by code points, and none here is beyond the first plane.
    expect(vocabulary.ngrams).toEqual(golden.ngrams);
    vocabulary.idf.forEach((idf, i) => {
      expect(idf).toBeCloseTo(golden.idf[i] as number, 5);
    });
    const { starts, columns, values } = new Vectorizer(vocabulary, options).transform(texts);
    golden.rows.forEach((row, r) => {
      const [from, to] = [starts[r] as number, starts[r + 1] as number];
      expect([...columns.subarray(from, to)]).toEqual(row.map(([column]) => column));
      row.forEach(([, value], e) => {
        expect(values[from + e]).toBeCloseTo(value, 6);
      });
    });
  });
});

describe('features', () => {
  const vocabulary = (given: readonly string[], more: Partial<FeatureOptions> = {}) =>
    buildVocabulary(given, { ...options, min_count: 1, ...more }).then(({ ngrams }) => ngrams);

  test('words, punctuation and n-grams up to the length asked for', async () => {
    expect(await vocabulary(['Go, go!'])).toEqual(['!', ',', ', go', 'go', 'go !', 'go ,']);
    expect(await vocabulary(['Go, go!'], { word_ngrams: 1, lowercase: false })).toEqual(['!', ',', 'Go', 'go']);
    expect(await vocabulary(['a b c'], { word_ngrams: 3 })).toEqual(['a', 'a b', 'a b c', 'b', 'b c', 'c']);
  });

  test('an n-gram counts once a text', async () => {
    expect(await vocabulary(['a a a', 'b', 'b'], { min_count: 2 })).toEqual(['b']);
  });

  test('max_words reads no further', async () => {
    expect(await vocabulary(['a b c'], { max_words: 2 })).toEqual(['a', 'a b', 'b']);
  });

  test('max_features keeps those of most texts, equal ones in code unit order', async () => {
    expect(await vocabulary(['z y', 'z', 'x'], { max_features: 3 })).toEqual(['x', 'y', 'z']);
  });

  test('colliding counters lose no n-gram that occurs often enough', async () => {
    const crowded = await buildVocabulary(texts, options, undefined, { buckets: 7, candidates: 1000 });
    expect(crowded).toEqual(await buildVocabulary(texts, options));
  });

  test('the candidates are bounded, the most frequent stay', async () => {
    const all = await buildVocabulary(texts, options);
    const few = await buildVocabulary(texts, options, undefined, { buckets: 2 ** 16, candidates: 20 });
    expect(few.ngrams.length).toBeLessThanOrEqual(20);
    expect(few.ngrams.length).toBeGreaterThan(0);
    const rarest = Math.max(...few.idf);
    const frequent = all.ngrams.filter((_, i) => (all.idf[i] as number) <= rarest);
    expect(few.ngrams).toEqual(frequent);
  });

  test('a text without any known word is an empty row, not NaN', async () => {
    const { starts, values } = new Vectorizer(await buildVocabulary(['a', 'a'], options), options).transform([
      '',
      'zzz',
    ]);
    expect([...starts]).toEqual([0, 0, 0]);
    expect(values).toHaveLength(0);
  });
});

describe('the optimum, against scikit-learn', () => {
  test.each(golden.fits)('$name', async ({ labels, targets, weights, l2, coef, intercept, probabilities, loss }) => {
    const rows = new Vectorizer(await buildVocabulary(texts, options), options).transform(texts);
    const features = golden.ngrams.length;
    const problem = {
      rows,
      features,
      labels,
      targets: Float32Array.from(targets.flat()),
      weights: Float32Array.from(weights),
      l2,
    };
    const fit = await fitSoftmax(problem);
    expect(fit.converged).toBe(true);
    expect(Math.abs(fit.loss - loss)).toBeLessThan(1e-6);
    // The weights themselves, followed further down than a classifier needs.
    const outputs = coef.length;
    const { x } = await minimise(objectiveOf(problem), new Float64Array((features + 1) * outputs), {
      tolerance: 1e-10,
      maxIterations: 10_000,
    });
    const largest = Math.max(...coef.flat().map(Math.abs));
    coef.forEach((row, k) => {
      row.forEach((weight, f) => {
        expect(Math.abs((x[f * outputs + k] as number) - weight)).toBeLessThan(1e-5 * largest);
        expect(Math.abs((fit.weight[f * outputs + k] as number) - weight)).toBeLessThan(1e-3 * largest);
      });
    });
    // With three labels and more only differences between biases mean something.
    intercept.forEach((bias, k) => {
      const mine = (at: number): number => x[features * outputs + at] as number;
      const [difference, theirs] = outputs > 1 ? [mine(k) - mine(0), bias - (intercept[0] as number)] : [mine(k), bias];
      expect(Math.abs(difference - theirs)).toBeLessThan(1e-5 * largest);
    });
    const logits = logitsOf(rows, { labels: Array(labels).fill(''), weight: fit.weight, bias: fit.bias });
    probabilities.forEach((row, r) => {
      softmax(logits.subarray(r * labels, (r + 1) * labels)).forEach((p, k) => {
        expect(Math.abs(p - (row[k] as number))).toBeLessThan(1e-3);
      });
    });
  });

  test('the gradient is that of the loss', () => {
    const fit = golden.fits[4] as GoldenFit;
    const rows = {
      starts: Int32Array.of(0, 2, 3),
      columns: Int32Array.of(0, 2, 1),
      values: Float32Array.of(0.5, 2, 1),
    };
    const targets = Float32Array.from(fit.targets.slice(0, 2).flat());
    const objective = objectiveOf({ rows, features: 3, labels: 3, targets, weights: Float32Array.of(1, 2.5), l2: 0.3 });
    const x = Float64Array.from({ length: 12 }, (_, i) => Math.sin(i));
    const gradient = new Float64Array(12);
    objective(x, gradient);
    x.forEach((value, i) => {
      const at = (delta: number) => objective(x.with(i, value + delta), new Float64Array(12));
      expect((at(1e-5) - at(-1e-5)) / 2e-5).toBeCloseTo(gradient[i] as number, 7);
    });
  });
});

describe('the model', () => {
  test('learns, saves, loads and answers the same', async () => {
    const model = await train();
    const [first, second] = [await temporaryFolder(), await temporaryFolder()];
    await saveLogistic(first, model, { rows: 60, labelled: 20 });
    await saveLogistic(second, await train(), { rows: 60, labelled: 20 });
    expect(await digests(first)).toEqual(await digests(second));
    expect(JSON.parse(await readFile(join(first, 'recipe.json'), 'utf8'))).toEqual({
      type: 'logistic',
      labels: ['ham', 'spam'],
      options,
      parameters: golden.ngrams.length + 1,
      trained_on: { rows: 60, labelled: 20 },
    });

    const predictor = await loadPredictor(first, 'onnx', 1);
    expect(predictor).toMatchObject({
      type: 'logistic',
      labels: ['ham', 'spam'],
      parameters: golden.ngrams.length + 1,
    });
    const logits = await predictor.predict(texts);
    expect(logits).toEqual(logitsOf(new Vectorizer(model.vocabulary, options).transform(texts), model));
    const right = classes.filter(
      (label, i) => Number((logits[2 * i + 1] as number) > (logits[2 * i] as number)) === label,
    );
    expect(right.length).toBe(60);
    // One text at a time gives the same bytes.
    expect(await predictor.predict(texts.slice(5, 6))).toEqual(logits.slice(10, 12));
    await predictor.close();
  });

  test('reports texts read, then every update', async () => {
    const calls: string[] = [];
    await trainLogistic({
      texts,
      targets: oneHot(classes, 2),
      labels: ['ham', 'spam'],
      options,
      onTexts: async (done, total) => void calls.push(`${done}/${total}`),
      onIteration: async (iteration, loss) => void calls.push(`${iteration}: ${loss < Math.LN2}`),
    });
    expect(calls.slice(0, 4)).toEqual(['0/120', '60/120', '1: true', '2: true']);
  });

  test('no common word at all', async () => {
    const run = trainLogistic({
      texts: ['one', 'two'],
      targets: oneHot([0, 1], 2),
      labels: ['a', 'b'],
      options,
    });
    await expect(run).rejects.toMatchObject({
      reason: 'empty-vocabulary',
      message: 'no word occurs in min_count = 2 of the 2 training texts',
    });
  });

  test('one label', async () => {
    const run = trainLogistic({ texts: ['a', 'a'], targets: oneHot([0, 0], 1), labels: ['a'], options });
    await expect(run).rejects.toMatchObject({ reason: 'too-few-labels' });
  });
});

describe('loading', () => {
  test('a folder without recipe.json', async () => {
    const folder = await temporaryFolder();
    await expect(loadPredictor(folder, 'onnx', 1)).rejects.toMatchObject({ name: 'StepFailure', reason: 'no-model' });
  });

  test('a type that nobody knows', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'recipe.json'), '{"type": "forest"}');
    await expect(loadPredictor(folder, 'onnx', 1)).rejects.toMatchObject({
      reason: 'unknown-model-type',
      message: expect.stringContaining('names the model type "forest", which is none of '),
    });
  });

  test('weights that do not fit, or are no weights', async () => {
    const folder = await temporaryFolder();
    await saveLogistic(folder, await train());
    const bias = { dtype: 'F32', shape: [2], data: new Float32Array(2) } as const;
    await writeSafetensors(join(folder, 'model.safetensors'), { bias });
    await expect(loadPredictor(folder, 'onnx', 1)).rejects.toMatchObject({ reason: 'damaged-model' });
    await writeFile(join(folder, 'model.safetensors'), 'x');
    await appendFile(join(folder, 'model.safetensors'), 'y'.repeat(20));
    await expect(loadPredictor(folder, 'onnx', 1)).rejects.toMatchObject({ reason: 'damaged-weights' });
  });
});
