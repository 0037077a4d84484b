import type { Row } from '../../data/dataset.js';
import { fieldsOf } from '../../data/template.js';
import type { JsonObject } from '../../util/json.js';
import type { Request } from './asker.js';
import { RequestFailure } from './failure.js';
import type { Mode } from './modes/mode.js';
import { messagesOf, type Prompt } from './prompt.js';
import type { Abilities } from './providers.js';
import type { Message, Question, Reply } from './reply.js';

/** How a question gets its answer: from the server, or only from what is stored. */
export type Ask = (request: Request) => Promise<Reply>;

/**
 * Whether a row's questions that do not depend on each other are put one after the other, or all before any is waited
 * for: whoever asks nobody learns so of all that are open.
 */
export type Order = 'in-turn' | 'at-once';

export interface InterviewOptions {
  readonly baseUrl: string;
  readonly model: string;
  readonly abilities: Abilities;
  /** Of every request. */
  readonly parameters: Readonly<JsonObject>;
  readonly maxTokens: number | undefined;
  readonly prompt: Prompt;
  readonly corrections: number;
  /** Masks what may not leave the machine. */
  readonly redact: (text: string) => string;
}

/** What became of a row. */
export type Answer<Value> =
  | { readonly values: readonly Value[]; readonly replies: readonly Reply[] }
  /** No valid answer, after all corrections; what was answered last. */
  | { readonly invalid: string; readonly said: string };

/** Puts one kind of question to a teacher about rows, and corrects it where its answer is none. */
export class Interview<Value> {
  /** Of rows that are on their way: each is looked up, paid for and asked, with the same requests. */
  private readonly begun = new WeakMap<Row, readonly Request[]>();
  /** Of every question. */
  private readonly parameters: JsonObject;
  /** Whether the samples are choices of one answer. */
  private readonly together: boolean;

  constructor(
    private readonly mode: Mode<Value>,
    private readonly options: InterviewOptions,
    /** Why a reply is of no use though it can be read. */
    private readonly useless?: Request['useless'],
  ) {
    const { abilities, maxTokens } = options;
    const { samples, temperature, schema, mostTokens } = mode;
    this.together = abilities.choices && samples > 1;
    this.parameters = {
      temperature,
      [abilities.maxTokens]: maxTokens ?? mostTokens,
      ...(this.together ? { n: samples } : {}),
      ...(schema !== undefined && abilities.jsonSchema
        ? { response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } } }
        : {}),
      ...options.parameters,
    };
  }

  /** The requests that a row begins with, so that they can be paid for in advance. */
  requests(row: Row): readonly Request[] {
    const known = this.begun.get(row);
    if (known !== undefined) return known;
    const made = this.make(row);
    this.begun.set(row, made);
    return made;
  }

  /** @throws what `ask` throws, but for a RequestFailure that concerns this row only */
  async answer(row: Row, ask: Ask, order: Order): Promise<Answer<Value>> {
    const values: Value[] = [];
    const replies: Reply[] = [];
    const talk = (request: Request) => this.converse(request, row, ask);
    const requests = this.requests(row);
    const begun = order === 'at-once' ? requests.map(talk) : undefined;
    if (begun !== undefined) await Promise.allSettled(begun);
    for (const [i, request] of requests.entries()) {
      const found = await (begun?.[i] ?? talk(request));
      if ('invalid' in found) return found;
      values.push(...found.values);
      replies.push(...found.replies);
    }
    return { values, replies };
  }

  private make(row: Row): Request[] {
    const { baseUrl, model, prompt, redact } = this.options;
    const { samples } = this.mode;
    const { parameters, together } = this;
    const at = `row ${row.id}`;
    const subjects = this.mode.subjects?.(row) ?? [{}];
    return subjects.flatMap((subject): Request[] => {
      const fields = Object.entries({ ...fieldsOf(row), ...subject }).map(([name, text]) => [name, redact(text)]);
      const messages = messagesOf(prompt, Object.fromEntries(fields), at);
      const sample = this.mode.sample?.(row);
      const question: Question = {
        base_url: baseUrl,
        model,
        messages,
        parameters,
        ...(sample !== undefined && { sample }),
      };
      const useless = this.useless && { useless: this.useless };
      if (together || samples === 1) return [{ question, ...useless }];
      return Array.from({ length: samples }, (_, sample) => ({ question: { ...question, sample }, ...useless }));
    });
  }

  /** One answer, or several choices of which the valid ones count. */
  private async converse(request: Request, row: Row, ask: Ask): Promise<Answer<Value>> {
    let at = request;
    for (let left = this.options.corrections; ; left--) {
      let reply: Reply;
      try {
        reply = await ask(at);
      } catch (error) {
        if (error instanceof RequestFailure && error.kind === 'row') return { invalid: error.message, said: '' };
        throw error;
      }
      const readings = reply.choices.map((choice) => this.mode.read(choice, row));
      const values = readings.flatMap((reading) => ('value' in reading ? [reading.value] : []));
      if (values.length > 0) return { values, replies: [reply] };
      const first = readings[0];
      const said = reply.choices[0]?.text ?? '';
      const { invalid, correction } =
        first !== undefined && 'invalid' in first ? first : { invalid: 'empty', correction: '' };
      if (left === 0) return { invalid, said };
      const more: Message[] = [
        // Not all servers take a message without text.
        { role: 'assistant', content: said.trim() === '' ? '…' : said },
        { role: 'user', content: correction },
      ];
      const { question } = at;
      at = { ...at, question: { ...question, messages: [...question.messages, ...more] } };
    }
  }
}
