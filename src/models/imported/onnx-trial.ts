import type { Session } from '../../backend/onnx/session.js';
import type { TextTokenizer } from '../../data/tokenizer.js';
import { StepFailure } from '../../util/failure.js';
import { type Mapped, SAMPLE, wrongShape } from './imported.js';
import { firstLine, runOnnx } from './onnx.js';

/**
 * Runs a graph on a few tokens, the tokenizer's last among them.
 *
 * @returns numbers that it says of a text
 * @throws StepFailure if it does not run, or says something of another shape
 */
export async function tryOnnx(
  session: Session,
  about: Mapped,
  tokenizer: Pick<TextTokenizer, 'encode' | 'padId' | 'vocabularySize'>,
): Promise<number> {
  const { output } = about;
  const attempt = (ids: Int32Array) => runOnnx(session, about, [ids], tokenizer.padId);
  let width: number | undefined;
  for (const text of SAMPLE) {
    const ids = (await tokenizer.encode([text], about.max_length)).ids(0);
    const { data, rows, length } = await attempt(ids).catch((error: unknown) => {
      throw new StepFailure('onnx-file', `ONNX Runtime does not run the graph: ${firstLine(error)}`);
    });
    const size = data.length / (output.says === 'hidden' ? rows * length : rows);
    if (!Number.isInteger(size) || size < 1 || size !== (width ?? size)) {
      throw wrongShape(output, data.length, rows, length);
    }
    width = size;
  }
  const last = tokenizer.vocabularySize - 1;
  await attempt(Int32Array.of(last)).catch((error: unknown) => {
    throw new StepFailure(
      'vocabulary',
      `the tokenizer has ${last + 1} tokens, and the graph does not know the last of them: ${firstLine(error)}`,
      'It is perhaps the tokenizer of another model.',
    );
  });
  return width as number;
}
