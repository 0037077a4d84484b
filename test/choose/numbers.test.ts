import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { coverageOf } from '../../src/choose/coverage.js';
import { kCentre } from '../../src/choose/k-centre.js';
import { kMeans, nearestCentres, seeded } from '../../src/choose/k-means.js';
import { meanDivergence, voteEntropy } from '../../src/choose/methods/disagreement.js';
import { UNCERTAINTY } from '../../src/choose/methods/uncertain.js';
import { logSoftmax } from '../../src/choose/opinions.js';
import { placeIn, planeOf } from '../../src/choose/principal.js';
import { randomizedSvd } from '../../src/choose/svd.js';
import { typicalWords } from '../../src/choose/typical.js';
import { gather, squaredDistance as squared, type Vectors } from '../../src/choose/vectors.js';
import { wordModel, wordVectors } from '../../src/choose/word-vectors.js';
import { Random } from '../../src/util/random.js';
import { expectClose } from '../backend/rig.js';

/** Made by choose.py, with scikit-learn. */
const golden = JSON.parse(readFileSync(new URL('../golden/choose.json', import.meta.url), 'utf8'));
const points: Vectors = {
  data: Float32Array.from(golden.points),
  width: golden.width,
  count: golden.points.length / golden.width,
};
/** Of two rows that start there. */
const squaredDistance = (
  a: Float32Array,
  at: number,
  b: Float32Array,
  from: number,
  width: number,
  bound: number,
): number => squared(a, at, Float64Array.from(b), from, width, bound);
const silent = async (): Promise<void> => {};

describe('vectors', () => {
  it('measures distances, and no farther than is asked', () => {
    const random = new Random(1, 'vectors');
    for (const width of [1, 3, 16, 37, 64]) {
      const data = Float32Array.from({ length: 2 * width }, () => random.normal());
      let exact = 0;
      for (let i = 0; i < width; i++) exact += ((data[i] as number) - (data[width + i] as number)) ** 2;
      expect(squaredDistance(data, 0, data, width, width, Number.POSITIVE_INFINITY)).toBeCloseTo(exact, 10);
      const stopped = squaredDistance(data, 0, data, width, width, exact / 2);
      expect(stopped).toBeGreaterThanOrEqual(exact / 2);
      expect(stopped).toBeLessThanOrEqual(exact + 1e-9);
    }
  });
});

describe('k-centre', () => {
  it('takes the rows that a search through all pairs takes', async () => {
    const { order, after } = golden.kcentre;
    expect(Array.from(await kCentre(points, order.length, 0))).toEqual(order);
    expect(Array.from(await kCentre(points, after.length, 4))).toEqual(after);
  });

  it('takes no row twice, even where all are alike', async () => {
    const alike: Vectors = { data: new Float32Array(5 * 3).fill(0.5), width: 3, count: 5 };
    expect(Array.from(await kCentre(alike, 5, 0)).sort()).toEqual([0, 1, 2, 3, 4]);
    expect(Array.from(await kCentre(alike, 3, 2))).toEqual([2, 3, 4]);
  });

  it('ends within twice the radius of the best choice', async () => {
    const random = new Random(3, 'small');
    const some: Vectors = { data: Float32Array.from({ length: 2 * 12 }, () => random.normal()), width: 2, count: 12 };
    const radius = (centres: number[]): number =>
      Math.max(
        ...Array.from({ length: some.count }, (_, row) =>
          Math.min(...centres.map((c) => squaredDistance(some.data, 2 * row, some.data, 2 * c, 2, Infinity))),
        ),
      ) ** 0.5;
    let best = Number.POSITIVE_INFINITY;
    for (let a = 0; a < 12; a++) {
      for (let b = 0; b < a; b++) for (let c = 0; c < b; c++) best = Math.min(best, radius([a, b, c]));
    }
    const greedy = radius(Array.from(await kCentre(some, 3, 0)));
    expect(greedy).toBeLessThanOrEqual(2 * best);
    expect(greedy).toBeGreaterThanOrEqual(best);
  });
});

describe('k-means', () => {
  it('gives scikit-learn’s clusters from the same start', async () => {
    const { start, inertia, labels, centres } = golden.kmeans;
    const made = await kMeans(points, Float64Array.from(gather(points, start).data));
    expect(Array.from(made.labels)).toEqual(labels);
    expectClose(made.centres, centres, 'centres', 1e-6);
    expect(made.distances.reduce((sum, x) => sum + x, 0)).toBeCloseTo(inertia, 4);
  });

  it('fills clusters that lose all their rows', async () => {
    const start = new Float64Array(3 * golden.width).fill(50);
    start.set(gather(points, [0]).data, 0);
    const made = await kMeans(points, start);
    expect(new Set(made.labels)).toEqual(new Set([0, 1, 2]));
    expect(Array.from(nearestCentres(points, made.centres))).toEqual(Array.from(made.labels));
  });

  it('begins with rows that lie apart', () => {
    // Three heaps of very different size: drawn evenly, the small ones would rarely be met.
    const random = new Random(4, 'heaps');
    const heaps = [...Array(200).fill(0), ...Array(5).fill(400), ...Array(5).fill(-400)] as number[];
    const some: Vectors = {
      data: Float32Array.from(heaps.flatMap((at) => [at + random.normal(), random.normal()])),
      width: 2,
      count: heaps.length,
    };
    for (let seed = 0; seed < 10; seed++) {
      const centres = seeded(some, 3, new Random(seed, 'clusters'));
      const heap = [0, 2, 4].map((i) => Math.round((centres[i] as number) / 400) + 1);
      expect(heap.sort()).toEqual([0, 1, 2]);
    }
    const alike: Vectors = { data: new Float32Array(8), width: 2, count: 4 };
    expect(Array.from(seeded(alike, 3, new Random(1, 'x')))).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('principal components and words', () => {
  it('finds scikit-learn’s plane, up to signs', () => {
    const { axes, explained, places } = golden.pca;
    const plane = planeOf(points, new Random(1, 'plane'));
    expectClose(Float64Array.from(plane.explained), explained, 'explained', 1e-6);
    const signs = plane.axes.map((axis, k) => Math.sign(axis.reduce((sum, x, i) => sum + x * axes[k][i], 0)));
    plane.axes.forEach((axis, k) => {
      expectClose(
        axis.map((x) => x * (signs[k] as number)),
        axes[k],
        `axis ${k}`,
        1e-5,
      );
    });
    for (const [row, place] of places.entries()) {
      const own = placeIn(plane, points.data, row * points.width);
      expectClose(
        Float64Array.from(own, (x, k) => x * (signs[k] as number)),
        place,
        `row ${row}`,
        1e-5,
      );
    }
  });

  it('draws what varies in one direction only, and what does not vary', () => {
    const line: Vectors = { data: Float32Array.from([0, 0, 1, 1, 2, 2, 5, 5]), width: 2, count: 4 };
    const plane = planeOf(line, new Random(1, 'plane'));
    expect(plane.explained[0]).toBeCloseTo(1, 9);
    expect(placeIn(plane, line.data, 6)[0]).toBeCloseTo(3 * Math.SQRT2, 6);
    expect(placeIn(plane, line.data, 6)[1]).toBeCloseTo(0, 6);
    const still: Vectors = { data: new Float32Array(6).fill(1), width: 2, count: 3 };
    expect(planeOf(still, new Random(1, 'plane')).explained).toEqual([0, 0]);
  });

  it('gives scikit-learn’s TF-IDF, singular values and latent semantic analysis', async () => {
    const { texts, words, tfidf, singular, cosines } = golden;
    const model = await wordModel(texts, silent);
    expect(model.vocabulary.ngrams).toEqual(words);
    const { starts, columns, values } = model.vectorizer.transform(texts);
    for (let row = 0; row < 5; row++) {
      const own = new Float64Array(words.length);
      for (let e = starts[row] as number; e < (starts[row + 1] as number); e++) {
        own[columns[e] as number] = values[e] as number;
      }
      expectClose(own, tfidf[row], `text ${row}`, 1e-6);
    }
    const dense = texts.map((_: string, row: number) => {
      const own = new Float64Array(words.length);
      for (let e = starts[row] as number; e < (starts[row + 1] as number); e++) {
        own[columns[e] as number] = values[e] as number;
      }
      return own;
    }) as Float64Array[];
    const product = (x: Float64Array, y: Float64Array): number =>
      x.reduce((sum, a, i) => sum + a * (y[i] as number), 0);
    const made = randomizedSvd(
      {
        rows: texts.length,
        columns: words.length,
        times: (x) => Float64Array.from(dense, (row) => product(row, x)),
        transposedTimes(y) {
          const x = new Float64Array(words.length);
          dense.forEach((row, k) => {
            for (let i = 0; i < x.length; i++) x[i] = (x[i] as number) + (row[i] as number) * (y[k] as number);
          });
          return x;
        },
      },
      64,
      20,
      new Random(1, 'svd'),
    );
    expectClose(Float64Array.from(made.values), singular, 'singular values', 1e-4);

    const vectors = wordVectors(model, texts, new Random(1, 'words'));
    expect(vectors.width).toBe(64);
    const own = vectors.vectors(texts);
    for (const [a, row] of (cosines as number[][]).entries()) {
      for (const [b, cosine] of row.entries()) {
        const found = 1 - squaredDistance(own, a * 64, own, b * 64, 64, Number.POSITIVE_INFINITY) / 2;
        expect(Math.abs(found - cosine), `texts ${a} and ${b}`).toBeLessThan(0.05);
      }
    }
  });

  it('gives a matrix of low rank no more values than it has', () => {
    const times = (x: Float64Array) =>
      Float64Array.from({ length: 5 }, (_, i) => (i + 1) * ((x[0] as number) - (x[2] as number)));
    const transposedTimes = (y: Float64Array) => {
      const sum = y.reduce((total, v, i) => total + (i + 1) * v, 0);
      return Float64Array.from([sum, 0, -sum, 0]);
    };
    const { values, right } = randomizedSvd({ rows: 5, columns: 4, times, transposedTimes }, 3, 2, new Random(1, 'x'));
    expect(values).toHaveLength(1);
    expect(values[0]).toBeCloseTo(Math.sqrt(55 * 2), 9);
    expectClose(
      right[0] as Float64Array,
      [Math.SQRT1_2, 0, -Math.SQRT1_2, 0].map((x) => x * Math.sign(right[0]?.[0] as number)),
      'vector',
      1e-9,
    );
  });

  it('names groups by their words', async () => {
    const texts = ['the cheap pills of the day', 'the cheap pills', 'a meeting on friday 12', 'the meeting friday'];
    const model = await wordModel(texts, silent);
    const words = typicalWords(model, texts, Int32Array.from([0, 0, 1, 1]), 3, 2);
    expect(words).toEqual([['cheap', 'pills'], expect.arrayContaining(['friday', 'meeting']), []]);
    await expect(wordModel(['', ' '], silent)).rejects.toMatchObject({ reason: 'no-words' });
  });
});

describe('coverage', () => {
  it('is the share of rows within the radius of a chosen one', async () => {
    const sample = Int32Array.from({ length: points.count }, (_, i) => i);
    const { coverage, covered } = await coverageOf(points, sample, [3, 50, 100], 1);
    const distances = Array.from(
      sample,
      (row) =>
        Math.min(
          ...[3, 50, 100].map((c) =>
            squaredDistance(points.data, row * points.width, points.data, c * points.width, points.width, Infinity),
          ),
        ) ** 0.5,
    );
    expect(covered).toEqual(distances.map((distance) => distance <= coverage.radius));
    expect(coverage.chosen).toBeCloseTo(covered.filter(Boolean).length / points.count, 12);
    expect(coverage.distance.chosen.most).toBeCloseTo(Math.max(...distances), 9);
    const wide = Float64Array.from(points.data);
    for (const { share_of_pairs: share, radius } of coverage.curve) {
      let [near, all] = [0, 0];
      for (let a = 0; a < points.count; a++) {
        for (let b = 0; b < a; b++) {
          all++;
          if (squared(points.data, a * points.width, wide, b * points.width, points.width, Infinity) <= radius ** 2)
            near++;
        }
      }
      // The pairs are drawn with repetition: three standard deviations.
      expect(Math.abs(near / all - share)).toBeLessThan(4 * Math.sqrt(share / all) + 1e-4);
    }
    const whole = await coverageOf(points, sample, sample, 1);
    expect([whole.coverage.chosen, whole.coverage.random, whole.coverage.distance.chosen.most]).toEqual([1, 1, 0]);
  });
});

describe('what models say', () => {
  it('gives scipy’s entropies and divergences', () => {
    const { logits, margin, entropy, kl, votes } = golden.opinions;
    for (const [row, models] of (logits as number[][][]).entries()) {
      const opinions = models.map(logSoftmax);
      const first = opinions[0] as Float64Array;
      expect(UNCERTAINTY.margin(first)).toBeCloseTo(margin[row], 9);
      expect(UNCERTAINTY.entropy(first)).toBeCloseTo(entropy[row], 9);
      expect(meanDivergence(opinions)).toBeCloseTo(kl[row], 9);
      expect(voteEntropy(opinions)).toBeCloseTo(votes[row], 9);
    }
    const sure = logSoftmax([0, 2000]);
    expect(UNCERTAINTY.entropy(sure)).toBeCloseTo(0, 12);
    expect(meanDivergence([sure, logSoftmax([2000, 0])])).toBeCloseTo(Math.log(2), 9);
  });
});
