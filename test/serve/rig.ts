import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import OpenAI from 'openai';
import { byteLevelAlphabet } from 'tokenizers';
import { loadCodec, type TextCodec } from '../../src/data/codec.js';
import { loadTokenizer } from '../../src/data/tokenizer.js';
import type { TransformerConfig } from '../../src/models/architecture.js';
import { saveTransformer } from '../../src/models/checkpoint.js';
import type { Parameters } from '../../src/models/initialize.js';
import { saveLogistic, trainLogistic } from '../../src/models/logistic.js';
import { BIN } from '../cli/recipe.js';
import { type Corpus, LABELS, randomParameters, tinyConfig } from '../train/rig.js';

const NOT_TRAINED = { rows: 0, labelled: 0 };

/** A folder with a tiny BERT of random weights. */
export async function classifierFolder(folder: string, corpus: Corpus, seed = 3): Promise<string> {
  await mkdir(folder, { recursive: true });
  const config = tinyConfig(corpus.tokenizer.vocabularySize);
  const parameters = randomParameters(config, seed);
  await saveTransformer(folder, { config, labels: LABELS, parameters }, corpus.tokenizerFolder, NOT_TRAINED);
  return folder;
}

/**
 * A folder as an older sentence-transformers has it: pooling and normalising named beside the model, a vocabulary and no
 * `tokenizer.json`, and nothing of ours.
 */
export async function encoderFolder(folder: string, corpus: Corpus): Promise<string> {
  await mkdir(join(folder, '1_Pooling'), { recursive: true });
  const config = tinyConfig(corpus.tokenizer.vocabularySize, { head: 'none', labels: 0 });
  const parameters = randomParameters(config, 5);
  await saveTransformer(folder, { config, labels: [], parameters }, corpus.tokenizerFolder, NOT_TRAINED);
  const kinds = ['Transformer', 'Pooling', 'Normalize'];
  const modules = kinds.map((kind, i) => ({
    idx: i,
    name: String(i),
    path: i === 0 ? '' : `${i}_${kind}`,
    type: `sentence_transformers.models.${kind}`,
  }));
  await writeFile(join(folder, 'modules.json'), JSON.stringify(modules));
  await writeFile(join(folder, '1_Pooling/config.json'), JSON.stringify({ pooling_mode_mean_tokens: true }));
  for (const name of ['recipe.json', 'tokenizer.json']) await rm(join(folder, name));
  return folder;
}

/** A folder with a bag of words that tells the rig's two labels apart. */
export async function logisticFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const options = { word_ngrams: 1, min_count: 1, max_features: 100, max_words: null, lowercase: true, l2: 0.01 };
  const texts = ['lunch agenda', 'thanks lunch', 'cheap pills', 'winner money'];
  const targets = Float32Array.of(1, 0, 1, 0, 0, 1, 0, 1);
  await saveLogistic(folder, await trainLogistic({ texts, targets, labels: LABELS, options }));
  return folder;
}

const WORDS = ['Ġthe', 'Ġcat', 'Ġdog', 'Ġsat', 'Ġran', 'Ġhome', 'Ġand', 'Ġthen', 'Ġred', 'Ġsmall', 'Ġold', 'ĠcafÃ©'];
export const END = '<|end|>';
export const SPECIAL = [END, '<|turn|>'];
export const TEMPLATE =
  "{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}";

export interface TinyLanguageModel {
  readonly folder: string;
  readonly config: TransformerConfig;
  readonly parameters: Parameters;
  readonly codec: TextCodec;
}

/** A folder with a tiny GPT-2 of random weights, which mostly writes the words above, and its byte-level tokenizer. */
export async function languageModelFolder(
  folder: string,
  more: { readonly template?: string; readonly ends?: readonly number[]; readonly maxLength?: number } = {},
): Promise<TinyLanguageModel> {
  await mkdir(folder, { recursive: true });
  const tokens = [...byteLevelAlphabet().sort(), ...WORDS, ...SPECIAL];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const tokenizer = {
    version: '1.0',
    added_tokens: SPECIAL.map((content) => ({ id: vocab[content], content, ...flags })),
    normalizer: null,
    pre_tokenizer: bytes,
    post_processor: null,
    decoder: bytes,
    model: { type: 'BPE', vocab, merges: [] },
  };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  const settings = { eos_token: END, ...(more.template !== undefined && { chat_template: more.template }) };
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(settings));
  if (more.ends) await writeFile(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: more.ends }));
  const config = tinyConfig(tokens.length, {
    type: 'gpt2',
    head: 'language-model',
    labels: 0,
    maxLength: more.maxLength ?? 512,
    padId: vocab[END] as number,
  });
  const parameters = randomParameters(config, 11);
  const embeddings = parameters['transformer.wte.weight']?.data as Float32Array;
  const firstWord = vocab[WORDS[0] as string] as number;
  const width = config.hidden;
  const seldom = [...Array(firstWord).keys(), ...SPECIAL.map((token) => vocab[token] as number)];
  for (const id of seldom) for (let i = 0; i < width; i++) (embeddings[id * width + i] as number) *= 0.1;
  await saveTransformer(folder, { config, labels: [], parameters }, folder, NOT_TRAINED);
  return { folder, config, parameters, codec: await loadCodec(folder) };
}

/** The command line, serving in a process of its own. */
export class Serving {
  err = '';
  out = '';
  readonly exit: Promise<number | null>;
  private readonly child: ChildProcess;

  private constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, [BIN, 'serve', ...args], { env: { ...process.env, ...env } });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    this.exit = new Promise((resolve) => this.child.on('close', resolve));
  }

  /** Waits for its line. */
  static async start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Serving> {
    const serving = new Serving([...args, '--port', '0', '--threads', '1'], env);
    const lines = createInterface({ input: serving.child.stdout as NodeJS.ReadableStream });
    await Promise.race([
      new Promise((resolve) => lines.once('line', resolve)),
      serving.exit.then((code) => {
        throw new Error(`it ended with ${code}: ${serving.err}`);
      }),
    ]);
    return serving;
  }

  get url(): string {
    return / at (http\S+\/v1)\n/.exec(this.out)?.[1] as string;
  }

  client(apiKey = 'none'): OpenAI {
    return new OpenAI({ baseURL: this.url, apiKey, maxRetries: 0 });
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'application/json', ...headers },
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ids of the models' processes; Linux only. */
  async workers(): Promise<number[]> {
    const { pid } = this.child;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return children.split(' ').filter(Boolean).map(Number);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }
}

/** Tokens of a text, as a model with that tokenizer reads it. */
export async function idsOf(folder: string, text: string, maxLength: number): Promise<Int32Array> {
  const tokenizer = await loadTokenizer(folder);
  return (await tokenizer.encode([text], maxLength)).ids(0);
}
