import { ask } from '../models/ask.js';
import { loadPredictor } from '../models/index.js';
import { argmaxRows } from '../report/metrics.js';
import { StepFailure } from '../util/failure.js';
import type { Exam } from './exam.js';
import { checkFinite } from './finite.js';

/** One of some labels for a text, or for two that are read together: its place among the model's labels. */
export const classification: Exam<number> = {
  isKnown: (row) => row.label !== null,
  needs: 'a label',
  async load(folder, backend, threads) {
    const predictor = await loadPredictor(folder, backend, threads);
    const { type, labels, parameters, bytes } = predictor;
    const predict = predictor.many?.().predict;
    return {
      type,
      labels,
      parameters,
      bytes,
      async answer(rows) {
        const logits = await ask(predictor, rows, predict);
        rows.forEach((row, i) => {
          checkFinite(row, logits.subarray(i * labels.length, (i + 1) * labels.length));
        });
        return [...argmaxRows(logits, labels.length)];
      },
      close: () => predictor.close(),
    };
  },
  check(rows, labels, input) {
    const strange = rows.find(({ label }) => !labels.includes(label as string));
    if (strange === undefined) return;
    throw new StepFailure(
      'labels-differ',
      `row ${strange.id} of the input "${input}" has the label "${strange.label}", which the model does not know`,
      `It knows ${labels.join(', ')}.`,
    );
  },
  main: () => 'macro_f1',
  truth: (row) => row.label,
  said: (_, answer, labels) => labels[answer] as string,
};
