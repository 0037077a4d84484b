import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { StepFailure } from '../util/failure.js';
import { badRequest } from './errors.js';
import type { ChatMessage } from './protocol.js';

/** How a model wants a conversation written down. */
export interface ChatFormat {
  /** @throws ApiError if the model takes no such conversation */
  render(messages: readonly ChatMessage[]): string;
  /** Whether the special tokens around a text are still to be added; a template has them in its text. */
  readonly special: boolean;
}

/** Where a model has no template: a line for each message, then the assistant's turn. */
export const LINES: ChatFormat = {
  render: (messages) => [...messages.map(({ role, content }) => `${role}: ${content}`), 'assistant:'].join('\n'),
  special: true,
};

/** What `tokenizer_config.json` says that templates use. */
interface TokenizerConfig {
  readonly chat_template?: string | readonly { readonly name: string; readonly template: string }[];
  readonly [token: `${string}_token`]: string | { readonly content: string } | null;
}

/**
 * A folder's chat template, of `chat_template.jinja` or `tokenizer_config.json`, where newer and older versions of
 * transformers write it.
 *
 * @throws StepFailure if it is no template that can be read
 */
export async function readChatFormat(folder: string): Promise<ChatFormat> {
  const config = await readConfig(join(folder, 'tokenizer_config.json'));
  const source = (await read(join(folder, 'chat_template.jinja'))) ?? defaultOf(config.chat_template);
  if (source === undefined) return LINES;
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw new StepFailure(
      'chat-template',
      `the chat template of ${folder} cannot be read: ${(error as Error).message}`,
    );
  }
  const tokens = Object.entries(config).flatMap(([name, value]): [string, string][] => {
    const content = typeof value === 'object' && value !== null && 'content' in value ? value.content : value;
    return name.endsWith('_token') && typeof content === 'string' ? [[name, content]] : [];
  });
  return {
    render(messages) {
      try {
        return template.render({ ...Object.fromEntries(tokens), messages: [...messages], add_generation_prompt: true });
      } catch (error) {
        const why = (error as Error).message;
        throw badRequest(`The model's chat template refuses these messages: ${why}`, 'messages');
      }
    },
    special: false,
  };
}

function defaultOf(given: TokenizerConfig['chat_template']): string | undefined {
  if (given === undefined || typeof given === 'string') return given;
  return (given.find(({ name }) => name === 'default') ?? given[0])?.template;
}

async function readConfig(file: string): Promise<TokenizerConfig> {
  const text = await read(file);
  try {
    return JSON.parse(text ?? '{}') as TokenizerConfig;
  } catch {
    throw new StepFailure('chat-template', `${file} is not JSON`);
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
