import type { DataType, Tensor as TensorType } from '@huggingface/transformers';
import type { Ask, Found, Said } from './protocol.js';

/**
 * A process of its own that loads an exported folder with transformers.js: it brings an ONNX Runtime, and two of them
 * must not meet in one process. It asks no network.
 */

const BATCH = 8;

async function look(ask: Ask): Promise<Said> {
  const { folder, dtype, pipeline: task, padId, most, written, rows } = ask;
  let transformers: typeof import('@huggingface/transformers');
  try {
    transformers = await import('@huggingface/transformers');
  } catch (error) {
    return { state: 'absent', message: (error as Error).message };
  }
  const { env, LogLevel, pipeline, Tensor } = transformers;
  Object.assign(env, {
    allowRemoteModels: false,
    allowLocalModels: true,
    useFSCache: false,
    useWasmCache: false,
    logLevel: LogLevel.ERROR,
  });
  let pipe: Awaited<ReturnType<typeof load>>;
  const load = () => pipeline(task, folder, { dtype: dtype as DataType, local_files_only: true });
  try {
    pipe = await load();
  } catch (error) {
    const { message } = error as Error;
    if (!/^Unsupported model type/.test(message)) throw error;
    return { state: 'unsupported', version: env.version, message };
  }
  const { tokenizer, model } = pipe as unknown as Loaded;
  const found: Found[] = [];
  for (let start = 0; start < rows.length; start += BATCH) {
    const batch = rows.slice(start, start + BATCH);
    const length = Math.max(...batch.map(({ ids }) => ids.length));
    const cells = batch.length * length;
    const [ids, mask] = [new BigInt64Array(cells).fill(BigInt(padId)), new BigInt64Array(cells)];
    batch.forEach((row, i) => {
      ids.set(BigInt64Array.from([...row.ids].map(BigInt)), i * length);
      mask.fill(1n, i * length, i * length + row.ids.length);
    });
    const int64 = (data: BigInt64Array) => new Tensor('int64', data, [batch.length, length]);
    const said = await model({
      input_ids: int64(ids),
      attention_mask: int64(mask),
      token_type_ids: int64(new BigInt64Array(cells)),
    });
    const values = (said.logits ?? said.last_hidden_state) as TensorType;
    const perText = values.data.length / batch.length;
    for (const [i, { text, ids }] of batch.entries()) {
      const own = tokenizer(text, { truncation: true }).input_ids.data;
      const width = values.dims.length === 3 ? (values.dims[2] as number) * ids.length : perText;
      found.push({
        ids: Int32Array.from([...own].map(Number)),
        values: (values.data as Float32Array).slice(i * perText, i * perText + width),
        ...(await answered(pipe as unknown as Pipe, task, text, found.length < written ? most : 0)),
      });
    }
  }
  return { state: 'found', version: env.version, rows: found };
}

/** What is used here of a pipeline's parts; the package types them by their task. */
interface Loaded {
  readonly tokenizer: (text: string, options: object) => { readonly input_ids: { readonly data: BigInt64Array } };
  readonly model: (inputs: object) => Promise<Record<string, TensorType | undefined>>;
}
type Pipe = (text: string, options?: object) => Promise<readonly { label?: string; generated_text?: string }[]>;

async function answered(pipe: Pipe, task: Ask['pipeline'], text: string, most: number): Promise<Pick<Found, 'answer'>> {
  if (task === 'text-classification') {
    const [first] = await pipe(text);
    return first?.label === undefined ? {} : { answer: first.label };
  }
  if (task !== 'text-generation' || most === 0) return {};
  const [first] = await pipe(text, { max_new_tokens: most, do_sample: false, return_full_text: false });
  return first?.generated_text === undefined ? {} : { answer: first.generated_text };
}

process.once('message', (ask: Ask) => {
  look(ask)
    .catch((error: unknown): Said => ({ state: 'failed', message: (error as Error).message }))
    .then((said) => process.send?.(said, () => process.disconnect()));
});
// Whoever asked is gone.
process.once('disconnect', () => process.exit());
