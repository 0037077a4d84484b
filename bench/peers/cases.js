import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { architectureOf } from '../../dist/models/architectures.js';
import { bert } from '../../dist/models/bert.js';
import { gpt2 } from '../../dist/models/gpt2.js';
import { initialize } from '../../dist/models/initialize.js';
import { float32Of } from '../../dist/util/float16.js';
import { Random } from '../../dist/util/random.js';
import { writeSafetensors } from '../../dist/util/safetensors.js';
import { cases } from '../cases.js';
import { fixture } from '../fixture.js';
import { sentenceLengths } from './brown.js';

/** What both sides are given: plain data and files, equal for ours and for PyTorch. */

const SEED = 1;
export const THREADS = 2;
const CLIP_NORM = 1;

export const huggingFace = (config) => ({
  model_type: config.type,
  ...architectureOf(config).toHuggingFace(config),
  ...(config.labels > 0 && {
    id2label: Object.fromEntries(Array.from({ length: config.labels }, (_, i) => [i, `L${i}`])),
  }),
});

const tensor = ({ shape, data, dtype }) =>
  dtype === 'int32'
    ? { dtype: 'I32', shape, data }
    : { dtype: 'F32', shape, data: dtype === 'float16' ? float32Of(data) : data };
const save = async (file, tensors) => {
  const entries = Object.entries(tensors).map(([name, t]) => [name, tensor(t)]);
  await writeSafetensors(file, Object.fromEntries(entries));
  return file;
};

export async function prepare() {
  const folder = mkdtempSync(join(tmpdir(), 'recipe-peers-'));
  const tinybert = (await cases())[1];
  return {
    folder,
    tinybert: await trainingCase(folder, tinybert),
    brown: await brownCase(folder, tinybert),
    teacher: await teacherCase(folder),
    gpt2: await gpt2Case(folder),
  };
}

/** One batch of TinyBERT-4, every token real. */
async function trainingCase(folder, c) {
  const { optimizer, batch } = fixture(c);
  const weights = Object.fromEntries(
    Object.entries(optimizer.parameters).map(([name, t]) => [
      /^objective\.\d+\.projection$/.test(name) ? 'projection' : name,
      t,
    ]),
  );
  const fed = Object.fromEntries(Object.entries(batch).filter(([name]) => !/^(dropout|rows)/.test(name)));
  return {
    ours: c,
    peer: {
      threads: THREADS,
      config: huggingFace(c.config),
      weights: await save(join(folder, 'tinybert.safetensors'), weights),
      batch: await save(join(folder, 'tinybert-batch.safetensors'), fed),
      objectives: c.stage.objectives,
      fit: c.fit,
      rate: c.stage.learning_rate,
      weightDecay: c.weightDecay,
      clipNorm: CLIP_NORM,
    },
  };
}

/** Rows of given lengths with random tokens, labels and answers, as `peer.py` reads them. */
function rowsOf(lengths, vocabulary) {
  const random = new Random(SEED, 'rows');
  const total = lengths.reduce((a, b) => a + b, 0);
  const labels = new Float32Array(2 * lengths.length);
  lengths.forEach((_, row) => {
    labels[2 * row + random.below(2)] = 1;
  });
  return {
    ids: {
      dtype: 'int32',
      shape: [total],
      data: Int32Array.from({ length: total }, () => 5 + random.below(vocabulary - 5)),
    },
    lengths: { dtype: 'int32', shape: [lengths.length], data: Int32Array.from(lengths) },
    labels: { dtype: 'float32', shape: [lengths.length, 2], data: labels },
    'teacher.0.logits': {
      dtype: 'float32',
      shape: [lengths.length, 2],
      data: Float32Array.from({ length: 2 * lengths.length }, () => random.normal()),
    },
  };
}

export const saveRows = (file, lengths) => save(file, rowsOf(lengths, BERT_BASE.vocabulary));

/** 1,000 sentences of their real lengths. */
async function brownCase(folder, c) {
  const lengths = await sentenceLengths(1000, 128);
  const rows = rowsOf(lengths, c.config.vocabulary);
  const file = await save(join(folder, 'brown.safetensors'), rows);
  const base = (await trainingCase(folder, c)).peer;
  const peer = (order) => ({ ...base, batch: file, order, batchSize: 32 });
  const plain = {
    lengths,
    ids: [...rows.ids.data],
    labels: [...rows.labels.data],
    logits: [...rows['teacher.0.logits'].data],
  };
  writeFileSync(join(folder, 'brown.json'), JSON.stringify(plain));
  return {
    ours: { ...c, rows: join(folder, 'brown.json') },
    shuffled: peer('shuffled'),
    grouped: peer('grouped'),
    lengths,
    tokens: lengths.reduce((a, b) => a + b, 0),
  };
}

const BERT_BASE = {
  vocabulary: 30522,
  layers: 12,
  hidden: 768,
  heads: 12,
  intermediate: 3072,
  maxLength: 512,
  labels: 2,
};
export const bertBase = () =>
  bert.scratch({ type: 'bert', head: 'classifier', padId: 0, dropout: 0.1, kvHeads: 12, ...BERT_BASE });

/** BERT-base, all of its hidden states and attention scores, one batch of 32 × 64. */
async function teacherCase(folder) {
  const config = bertBase();
  const random = new Random(SEED, 'teacher');
  const ids = Int32Array.from({ length: 32 * 64 }, () => 5 + random.below(config.vocabulary - 5));
  const batch = {
    ids: { dtype: 'int32', shape: [32, 64], data: ids },
    mask: { dtype: 'float32', shape: [32, 64], data: new Float32Array(32 * 64).fill(1) },
    labels: { dtype: 'float32', shape: [32, 2], data: new Float32Array(64).fill(0.5) },
  };
  const weights = await save(join(folder, 'teacher.safetensors'), initialize(bert.parameters(config), SEED));
  const file = await save(join(folder, 'teacher-batch.safetensors'), batch);
  return {
    ours: { id: 'teacher', config, ids: [...ids] },
    peer: { threads: THREADS, config: huggingFace(config), weights, batch: file },
  };
}

/** A GPT-2 of 8,000 tokens, 256 wide, 4 layers; 16 texts of 128 tokens; 100 tokens made after a prompt of 20. */
async function gpt2Case(folder) {
  const config = gpt2.scratch({
    type: 'gpt2',
    head: 'language-model',
    vocabulary: 8000,
    layers: 4,
    hidden: 256,
    heads: 8,
    kvHeads: 8,
    intermediate: 1024,
    maxLength: 256,
    labels: 0,
    dropout: 0.1,
    padId: 0,
  });
  const random = new Random(SEED, 'gpt2');
  const ids = Int32Array.from({ length: 16 * 128 }, () => random.below(config.vocabulary));
  const weights = await save(join(folder, 'gpt2.safetensors'), initialize(gpt2.parameters(config), SEED));
  const batch = await save(join(folder, 'gpt2-batch.safetensors'), {
    ids: { dtype: 'int32', shape: [16, 128], data: ids },
    mask: { dtype: 'float32', shape: [16, 128], data: new Float32Array(16 * 128).fill(1) },
  });
  const prompt = [...ids.subarray(0, 20)];
  const common = { weightDecay: 0.01, clipNorm: CLIP_NORM, rate: 5e-5, prompt, newTokens: 100 };
  return {
    ours: { id: 'gpt2', config, ids: [...ids], ...common },
    peer: { threads: THREADS, config: huggingFace(config), weights, batch, ...common },
  };
}
