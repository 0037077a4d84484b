import type { Answer, ChoicePiece } from './answer.js';
import { badRequest } from './errors.js';
import { contentOf } from './messages.js';
import type { ScoredToken, TokenScore } from './protocol.js';
import type { ChatRequest } from './requests.js';
import type { ServedModel } from './served-model.js';

/** The JSON that a label is to stand in. */
interface Form {
  readonly property: string;
  /** Labels that may stand there. */
  readonly allowed: readonly string[];
}

/**
 * A classifier's answer to a conversation: the label of the last user message, with the log-probabilities of the labels.
 * Sampling parameters do not matter: it is always the likeliest label.
 *
 * @throws ApiError
 */
export async function classifiedAnswer(model: ServedModel, body: ChatRequest, signal: AbortSignal): Promise<Answer> {
  const { labels } = model.info;
  const form = formOf(body.response_format, labels);
  const message = body.messages.findLast(({ role }) => role === 'user');
  if (message === undefined) {
    throw badRequest(`"messages" must have one of role user: "${model.id}" classifies the last one.`, 'messages');
  }
  const { logProbabilities, tokens } = await model.classify(contentOf(message), signal);
  const scores = labels
    .map((label, i) => scoreOf(form ? JSON.stringify(label).slice(1, -1) : label, logProbabilities[i] as number))
    .filter((_, i) => form === undefined || form.allowed.includes(labels[i] as string))
    .sort((a, b) => b.logProbability - a.logProbability);
  const top = body.top_logprobs ?? 0;
  const best = { ...(scores[0] as TokenScore), top: scores.slice(0, top) };
  // What stands around the label is not the model's doing: it is certain.
  const certain = (text: string) => ({ ...scoreOf(text, 0), top: top > 0 ? [scoreOf(text, 0)] : [] });
  const written = form ? [certain(`{${JSON.stringify(form.property)}:"`), best, certain('"}')] : [best];
  let start = 0;
  const placed = written.map((token): ScoredToken => {
    const at = start;
    start += token.token.length;
    return { ...token, start: at };
  });
  const piece = {
    text: placed.map(({ token }) => token).join(''),
    tokens: body.logprobs ? placed : [],
    finish: 'stop' as const,
    made: placed.length,
  };
  const choices = body.n ?? 1;
  return { promptTokens: tokens, choices, pieces: repeated(piece, choices) };
}

async function* repeated(piece: Omit<ChoicePiece, 'choice'>, choices: number): AsyncGenerator<ChoicePiece> {
  for (let choice = 0; choice < choices; choice++) yield { ...piece, choice };
}

const scoreOf = (token: string, logProbability: number): TokenScore => ({
  token,
  bytes: [...new TextEncoder().encode(token)],
  logProbability,
});

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined for plain text. */
function formOf(format: ChatRequest['response_format'], labels: readonly string[]): Form | undefined {
  if (!format || format.type === 'text') return undefined;
  const refuse = (what: string): never => {
    throw badRequest(
      `A classifier answers in JSON only as an object with one property, an enum of labels: ${what}.`,
      'response_format.json_schema.schema',
    );
  };
  const schema = format.json_schema?.schema;
  const properties = isObject(schema) && isObject(schema.properties) ? Object.entries(schema.properties) : [];
  const [entry] = properties;
  if (entry === undefined || properties.length !== 1) return refuse(`the schema has ${properties.length} properties`);
  const [property, value] = entry;
  const values = isObject(value) ? value.enum : undefined;
  if (!Array.isArray(values)) return refuse(`"${property}" has no enum`);
  const allowed = labels.filter((label) => values.includes(label));
  if (allowed.length === 0)
    return refuse(`the enum of "${property}" has none of this model's labels, ${labels.join(', ')}`);
  return { property, allowed };
}
