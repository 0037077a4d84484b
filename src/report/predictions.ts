import { type Evaluation, inReadingOrder } from './evaluate.js';
import { argmaxRows, softmax } from './metrics.js';

/** Lines of `predictions.jsonl`: a row's id and label, and of each model its label and probabilities (6 decimals). */
export function* predictionLines({ labels, rows, models }: Evaluation): Generator<string> {
  const ordered = inReadingOrder(models).map(({ name, logits }) => ({
    name,
    logits,
    predicted: argmaxRows(logits, labels.length),
  }));
  for (const [i, { id, label }] of rows.entries()) {
    const predictions = ordered.map(({ name, logits, predicted }) => ({
      model: name,
      label: labels[predicted[i] as number],
      probabilities: softmax(logits.subarray(i * labels.length, (i + 1) * labels.length)).map((p) =>
        Number(p.toFixed(6)),
      ),
    }));
    yield `${JSON.stringify({ id, label, predictions })}\n`;
  }
}
