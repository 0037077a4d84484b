import type { Runner, TensorFunction, Tensors } from '../backend/runner.js';
import type { Tensor } from '../backend/tf.js';
import { hiddenName } from '../data/logits/signal.js';
import type { ModelInput } from '../models/architecture.js';
import type { TransformerModel } from '../models/checkpoint.js';
import { encode, forward } from '../models/forward.js';
import { hasLabels } from '../models/heads.js';
import { padTokens } from '../models/padding.js';
import { argmaxRows } from '../report/metrics.js';

/** How far a teacher's answers of 8-bit integers are from those of float32, on some texts. */
export async function agreement(
  runner: Runner,
  { config, parameters, labels }: TransformerModel,
  texts: readonly Int32Array[],
  length: number,
): Promise<string> {
  const batch = padTokens(texts, texts.length, length, config.padId, config.pairs && []);
  const state = hiddenName(config.layers);
  const compared = (int8: boolean): TensorFunction => ({
    key: `agreement ${int8}`,
    int8,
    call: (p, b) => {
      const [ids, mask] = [b.ids as Tensor, b.mask as Tensor];
      const input: ModelInput = { ids, mask, types: b.types, dropout: [], lastTokens: 'all' };
      const out = hasLabels(config.head) ? forward(config, p, input) : encode(config, p, input);
      const logits: Tensors = 'logits' in out ? { logits: out.logits as Tensor } : {};
      return { ...logits, [state]: out.hiddenStates[config.layers] as Tensor };
    },
  });
  const [exact, rounded] = (await Promise.all(
    [false, true].map((int8) => runner.forward(compared(int8), parameters, batch)),
  )) as [Record<string, Float32Array>, Record<string, Float32Array>];
  const [a, b] = [exact[state] as Float32Array, rounded[state] as Float32Array];
  const width = config.hidden;
  let [sum, size, count] = [0, 0, 0];
  texts.forEach((text, row) => {
    for (let i = row * length * width; i < (row * length + text.length) * width; i++) {
      sum += Math.abs((a[i] as number) - (b[i] as number));
      size += Math.abs(a[i] as number);
      count++;
    }
  });
  const states = `hidden states differ by ${(sum / count).toFixed(4)} on average (their size is ${(size / count).toFixed(3)})`;
  const compare = `int8 against float32 on ${texts.length} texts`;
  if (config.head !== 'classifier' && config.head !== 'token-classifier') return `${compare}: ${states}`;
  const answers = [exact, rounded].map((found) => argmaxRows(found.logits as Float32Array, labels.length));
  const same = (row: number): boolean => answers[0]?.[row] === answers[1]?.[row];
  if (config.head === 'classifier') {
    const alike = texts.filter((_, row) => same(row)).length;
    return `${compare}: ${alike} with the same label, ${states}`;
  }
  const tokens = texts.flatMap((text, row) => Array.from(text, (_, i) => row * length + i));
  return `${compare}: ${tokens.filter(same).length} of ${tokens.length} tokens with the same tag, ${states}`;
}
