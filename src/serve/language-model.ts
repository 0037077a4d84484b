import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Runner } from '../backend/runner.js';
import { loadCodec, type TextCodec } from '../data/codec.js';
import type { TransformerModel } from '../models/checkpoint.js';
import { Generator } from '../models/generate.js';
import { Random } from '../util/random.js';
import { AnswerText, type Released, type Scores } from './answer-text.js';
import { readChatFormat } from './chat-template.js';
import { badRequest, serverError } from './errors.js';
import { largest, logSumExp } from './log-softmax.js';
import type { CallContext, Generation, LocalModel, TextOrTokens, TokenScore } from './protocol.js';
import { sampler } from './sampling.js';

/**
 * A language model that continues conversations and texts.
 *
 * @param folder of the model
 * @param tokenizer folder of its tokenizer
 */
export async function languageModel(
  folder: string,
  tokenizer: string,
  model: TransformerModel,
  runner: Runner,
  reproducible: boolean,
): Promise<LocalModel> {
  const { config, parameters } = model;
  const generator = new Generator(config, parameters, runner, reproducible);
  const codec = await loadCodec(tokenizer);
  const format = await readChatFormat(folder);
  const ends = await endTokens(folder, codec);
  const context = config.maxLength;

  const checked = (prompt: readonly number[], param: string): readonly number[] => {
    if (prompt.length === 0) throw badRequest('The prompt has no tokens.', param);
    if (prompt.length < context) return prompt;
    throw badRequest(
      `This model's context is ${context} tokens, prompt and answer together, and the prompt has ${prompt.length}. Shorten it.`,
      param,
      'context_length_exceeded',
    );
  };
  const tokensOf = async (prompt: TextOrTokens): Promise<readonly number[]> =>
    checked(typeof prompt === 'string' ? await codec.encode(prompt, true) : prompt, 'prompt');

  return {
    info: { kind: 'language-model', labels: [], vocabulary: config.vocabulary, dimensions: null, context },
    operations: {
      chat: async (messages) => checked(await codec.encode(format.render(messages), format.special), 'messages'),
      tokenize: (prompts) => Promise.all(prompts.map(tokensOf)),
      async generate(request, call) {
        await write(generator, codec, ends, context, request, call);
        return null;
      },
    },
  };
}

/** Writes one answer, piece by piece. */
async function write(
  generator: Generator,
  codec: TextCodec,
  ends: ReadonlySet<number>,
  context: number,
  request: Generation,
  { signal, piece }: CallContext,
): Promise<void> {
  const { prompt, top } = request;
  const draw = sampler(request.temperature, request.topP, new Random(request.seed, `choice ${request.choice}`));
  let scores: Scores | undefined;
  const choose = (logits: Float32Array): number => {
    const id = draw(logits);
    if (!Number.isFinite(logits[id])) throw serverError('The model computes numbers that are none.', 'not_a_number');
    scores = top === null ? undefined : scoresOf(logits, id, top, codec);
    return id;
  };
  const most = Math.min(request.most, context - prompt.length);
  const answer = await AnswerText.after(prompt, codec, request.stop);
  let made = 0;
  let finish: 'stop' | 'length' = 'length';
  const give = ({ text, tokens }: Released): void => {
    if (text !== '' || tokens.length > 0) piece({ text, tokens, finish: null, made });
  };
  for await (const id of generator.generate(Int32Array.from(prompt), most, choose)) {
    made++;
    // So that a cancellation is heard.
    await turn();
    if (signal.aborted) return;
    if (ends.has(id)) finish = 'stop';
    else give(await answer.add(id, scores));
    if (answer.stopped) finish = 'stop';
    if (finish === 'stop') break;
  }
  const rest = answer.stopped ? { text: '', tokens: [] } : answer.end();
  piece({ ...rest, finish, made });
}

/** Keeps a byte order mark. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

function scoresOf(logits: Float32Array, id: number, top: number, codec: TextCodec): Scores {
  const normalizer = logSumExp(logits);
  const scoreOf = (token: number): TokenScore => {
    const bytes = codec.bytes(token);
    return {
      token: utf8.decode(bytes),
      bytes: [...bytes],
      logProbability: (logits[token] as number) - normalizer,
    };
  };
  return { ...scoreOf(id), top: largest(logits, top).map(scoreOf) };
}

/** Tokens with which an answer ends: those that the model's own files name. */
async function endTokens(folder: string, codec: TextCodec): Promise<ReadonlySet<number>> {
  const ids = new Set<number>();
  for (const file of ['config.json', 'generation_config.json']) {
    const { eos_token_id: named } = await readJson<{ eos_token_id?: number | readonly number[] | null }>(folder, file);
    for (const id of [named ?? []].flat()) ids.add(id);
  }
  const { eos_token: token } = await readJson<{ eos_token?: string | { readonly content: string } | null }>(
    folder,
    'tokenizer_config.json',
  );
  const id = token ? codec.idOf(typeof token === 'string' ? token : token.content) : null;
  if (id !== null) ids.add(id);
  return ids;
}

async function readJson<T extends object>(folder: string, name: string): Promise<Partial<T>> {
  try {
    return JSON.parse(await readFile(join(folder, name), 'utf8')) as Partial<T>;
  } catch {
    return {};
  }
}
