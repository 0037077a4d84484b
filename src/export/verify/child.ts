import type { DataType, Tensor as TensorType } from '@huggingface/transformers';
import type { Ask, Found, Said } from './protocol.js';

/**
 * A process of its own that loads an exported folder with transformers.js: it brings an ONNX Runtime, and two of them
 * must not meet in one process. It asks no network.
 */

const BATCH = 8;

async function look(ask: Ask): Promise<Said> {
  const { folder, dtype, pipeline: task, labelled, padId, writes, rows } = ask;
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
    const [mask, types] = [new BigInt64Array(cells), new BigInt64Array(cells)];
    const ids = new BigInt64Array(cells).fill(BigInt(padId));
    batch.forEach((row, i) => {
      ids.set(BigInt64Array.from([...row.ids].map(BigInt)), i * length);
      mask.fill(1n, i * length, i * length + row.ids.length);
      types.fill(1n, i * length + (row.second ?? row.ids.length), i * length + row.ids.length);
    });
    const int64 = (data: BigInt64Array) => new Tensor('int64', data, [batch.length, length]);
    const said = await model({
      input_ids: int64(ids),
      attention_mask: int64(mask),
      token_type_ids: int64(types),
    });
    const values = (said.logits ?? said.last_hidden_state) as TensorType;
    const perText = values.data.length / batch.length;
    for (const [i, { text, pair, ids, mask }] of batch.entries()) {
      const inputs = tokenizer(text, { truncation: true, ...(pair !== undefined && { text_pair: pair }) });
      const own = Int32Array.from([...inputs.input_ids.data].map(Number));
      const width = values.dims.length === 3 ? (values.dims[2] as number) * ids.length : perText;
      const asked = found.length < writes.rows && own.join() === ids.join();
      found.push({
        ids: own,
        values: (values.data as Float32Array).slice(i * perText, i * perText + width),
        ...(labelled && { answer: await labelOf(pipe as unknown as Classify, text) }),
        ...(task === 'fill-mask' && mask !== undefined && { answer: await filled(pipe as unknown as Fill, text) }),
        ...(task === 'text-generation' && asked && { answer: await written(model, inputs, own.length, writes) }),
      });
    }
  }
  return { state: 'found', version: env.version, rows: found };
}

/** What is used here of a pipeline's parts; the package types them by their task. */
interface Loaded {
  readonly tokenizer: (text: string, options: object) => { readonly input_ids: { readonly data: BigInt64Array } };
  readonly model: Model;
}
interface Model {
  (inputs: object): Promise<Record<string, TensorType | undefined>>;
  generate(options: object): Promise<{ readonly data: BigInt64Array }>;
}
type Classify = (text: string) => Promise<readonly { readonly label: string }[]>;

async function labelOf(classify: Classify, text: string): Promise<string> {
  const [first] = await classify(text);
  return (first as { label: string }).label;
}

type Fill = (text: string) => Promise<readonly Filling[] | readonly (readonly Filling[])[]>;
interface Filling {
  readonly token: number | bigint;
}

/** The likeliest token in the place of the first that is hidden. */
async function filled(fill: Fill, text: string): Promise<string> {
  const [first] = (await fill(text)).flat() as Filling[];
  return `${(first as Filling).token}`;
}

/** The tokens behind a prompt of `given`, as the model writes them, up to the one that ends a text. */
async function written(model: Model, inputs: object, given: number, { tokens, endId }: Ask['writes']): Promise<string> {
  const { data } = await model.generate({ ...inputs, max_new_tokens: tokens, do_sample: false });
  const ids = [...data].map(Number).slice(given);
  return (endId !== null && ids.includes(endId) ? ids.slice(0, ids.indexOf(endId)) : ids).join(' ');
}

process.once('message', (ask: Ask) => {
  look(ask)
    .catch((error: unknown): Said => ({ state: 'failed', message: (error as Error).message }))
    .then((said) => process.send?.(said, () => process.disconnect()));
});
// Whoever asked is gone.
process.once('disconnect', () => process.exit());
