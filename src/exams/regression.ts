import { loadTextModel } from '../models/text-model.js';
import { pearson, scoreQuality } from '../report/correlation.js';
import type { JudgedExam } from './exam.js';
import { checkFinite } from './finite.js';

/** The score. */
export const regression: JudgedExam<number> = {
  isKnown: (row) => row.score !== undefined,
  needs: 'a score',
  async load(folder, backend, threads) {
    const { logits, ...about } = await loadTextModel(folder, 'regression', backend, threads);
    return {
      ...about,
      async answer(rows) {
        const said = await logits(rows.map(({ text }) => text));
        return rows.map((row, i) => checkFinite(row, said.subarray(i, i + 1))[0] as number);
      },
    };
  },
  check: () => {},
  judge(rows, answers) {
    const truth = Float64Array.from(rows, ({ score }) => score as number);
    const predicted = Float64Array.from(answers);
    return {
      figures: { ...scoreQuality(truth, predicted) },
      main(sample) {
        const of = (values: Float64Array): Float64Array => Float64Array.from(sample, (row) => values[row] as number);
        return pearson(of(truth), of(predicted));
      },
      badness: truth.map((score, row) => Math.abs(score - (predicted[row] as number))),
      details: {},
    };
  },
  main: () => 'pearson',
  truth: (row) => row.score as number,
  said: (_, answer) => Number(answer.toPrecision(7)),
};
