import type { Row } from '../data/dataset.js';
import { checkManyLabels, presenceOf } from '../data/many-labels.js';
import { loadTextModel } from '../models/text-model.js';
import { labelsAbove, labelsQuality, microF1Of } from '../report/many-labels.js';
import { macroRocAuc } from '../report/ranking.js';
import type { JudgedExam } from './exam.js';
import { checkFinite } from './finite.js';

/** A label's logit each. */
export const multiLabel: JudgedExam<Float32Array> = {
  isKnown: (row) => row.labels !== undefined,
  needs: 'labels',
  async load(folder, backend, threads) {
    const { logits, labels, ...about } = await loadTextModel(folder, 'multi-label', backend, threads);
    return {
      ...about,
      labels,
      async answer(rows) {
        const said = await logits(rows.map(({ text }) => text));
        return rows.map((row, i) => checkFinite(row, said.slice(i * labels.length, (i + 1) * labels.length)));
      },
    };
  },
  check: (rows, labels, input) => checkManyLabels(rows, labels, input, 'the model'),
  judge(rows, answers, labels) {
    const truth = rows.map((row) => presenceOf(row, labels));
    const predicted = answers.map(labelsAbove);
    const { microF1, macroF1, accuracy, perLabel } = labelsQuality(truth, predicted, labels);
    return {
      figures: {
        micro_f1: microF1,
        macro_f1: macroF1,
        accuracy,
        roc_auc: macroRocAuc(truth, answers) ?? Number.NaN,
      },
      main: (sample) => microF1Of(truth, predicted, sample),
      badness: Float64Array.from(truth, (own, row) =>
        own.reduce((sum, has, k) => {
          const p = 1 / (1 + Math.exp(-(answers[row]?.[k] as number)));
          return has === predicted[row]?.[k] ? sum : sum + Math.abs(has - p);
        }, 0),
      ),
      details: { per_label: perLabel.map((quality) => ({ ...quality })) },
    };
  },
  main: () => 'micro_f1',
  asTruth: (said) => (said as { labels: string[] }).labels,
  truth: (row: Row) => [...(row.labels ?? [])],
  said: (_, logits, labels) => ({
    labels: labels.filter((_, k) => labelsAbove(logits)[k] === 1),
    probabilities: Array.from(logits, (z) => Number((1 / (1 + Math.exp(-z))).toFixed(6))),
  }),
};
