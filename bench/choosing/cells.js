import { methodOf } from '../../dist/choose/methods/index.js';
import { UNCERTAINTY } from '../../dist/choose/methods/uncertain.js';
import { logSoftmax } from '../../dist/choose/opinions.js';
import { gather } from '../../dist/choose/vectors.js';
import { denseRows } from '../../dist/models/linear-probe.js';
import { Vectorizer } from '../../dist/models/logistic/features.js';
import { fitSoftmax } from '../../dist/models/logistic/fit.js';
import { logitsOf, trainLogistic } from '../../dist/models/logistic.js';
import { argmaxRows, confusionOf, qualityOf } from '../../dist/report/metrics.js';

/** Labelled mails. */
export const SIZES = [50, 100, 200, 400, 800];
/** Logistic regression on word n-grams, as recipes have it; and on the encoder's vectors. */
export const STUDENTS = ['words', 'sentences'];

/** Of the student on vectors: what five-fold cross-validation picks on 200 mails. */
const L2 = 0.01;
const WORDS = { word_ngrams: 2, min_count: 2, max_features: 200_000, max_words: null, lowercase: true, l2: 0.001 };

/** @param of which vectors rows are compared by */
const byVectors = (options, of) => (data, seed) =>
  methodOf(options).choose(
    {
      pool: data.pool,
      rows: SIZES.at(-1),
      seed,
      caches: [],
      vectors: async () => data.vectors[of],
      progress: async () => {},
    },
    options,
  );

/** Ways to choose; `choose` gives rows of the pool in the order in which they are labelled. */
export const METHODS = [
  { name: 'random', choose: byVectors({ type: 'random' }, 'words') },
  { name: 'k-centre, words', choose: byVectors({ type: 'k-centre' }, 'words') },
  { name: 'k-centre, encoder', choose: byVectors({ type: 'k-centre' }, 'sentences') },
  { name: 'cluster-quotas, words', choose: byVectors(quotas('equal'), 'words') },
  { name: 'cluster-quotas, encoder', choose: byVectors(quotas('equal'), 'sentences') },
  { name: 'cluster-quotas, encoder, proportional', choose: byVectors(quotas('proportional'), 'sentences') },
  { name: 'uncertain, in rounds', choose: rounds },
];

function quotas(quota) {
  return { type: 'cluster-quotas', clusters: 50, quota };
}

const orders = new Map();

/** The order in which rows are labelled; that of `rounds` depends on the student. */
export async function ordersOf(data, seed, name, choose, student) {
  const key = `${seed} ${name}${choose === rounds ? student : ''}`;
  if (!orders.has(key)) orders.set(key, Array.from(await choose(data, seed, student)));
  return orders.get(key);
}

/** First as many random rows as the smallest size, then those of which the student so far is least sure, size by size. */
async function rounds(data, seed, student) {
  let chosen = Array.from(await byVectors({ type: 'random' }, 'words')(data, seed)).slice(0, SIZES[0]);
  for (const size of SIZES.slice(1)) {
    const logits = (await train(data, chosen, student))(data.train, data.vectors.sentences);
    const n = data.labels.length;
    const doubt = data.train.map((_, row) => UNCERTAINTY.margin(logSoftmax(logits.subarray(row * n, (row + 1) * n))));
    const taken = new Set(chosen);
    const left = [...doubt.keys()].filter((row) => !taken.has(row)).sort((a, b) => doubt[b] - doubt[a] || a - b);
    chosen = [...chosen, ...left.slice(0, size - chosen.length)];
  }
  return chosen;
}

/** A student of rows with their labels: a function of rows and their vectors that gives logits. */
async function train({ train: rows, labels, vectors }, chosen, student) {
  const n = labels.length;
  const targets = new Float32Array(chosen.length * n);
  chosen.forEach((row, i) => {
    targets[i * n + labels.indexOf(rows[row].label)] = 1;
  });
  if (student === 'words') {
    const texts = chosen.map((row) => rows[row].text);
    const model = await trainLogistic({ texts, targets, labels, options: WORDS });
    const vectorizer = new Vectorizer(model.vocabulary, model.options);
    return (some) => logitsOf(vectorizer.transform(some.map(({ text }) => text)), model);
  }
  const { data, width } = gather(vectors.sentences, chosen);
  const weights = new Float32Array(chosen.length).fill(1);
  const fit = await fitSoftmax({ rows: denseRows(data, width), features: width, labels: n, targets, weights, l2: L2 });
  return (_, of) => logitsOf(denseRows(of.data, width), { labels, weight: fit.weight, bias: fit.bias });
}

/** How well a student of these rows does on the test mails, and what share of the rows has each label. */
export async function score(data, chosen, student) {
  const logits = (await train(data, chosen, student))(data.test, data.testSentences);
  const truth = Int32Array.from(data.test, ({ label }) => data.labels.indexOf(label));
  const predicted = argmaxRows(logits, data.labels.length);
  const quality = qualityOf(confusionOf(truth, predicted, data.labels.length), data.labels);
  const spam = chosen.filter((row) => data.train[row].label === 'spam').length / chosen.length;
  return { macroF1: quality.macroF1, accuracy: quality.accuracy, spam };
}
