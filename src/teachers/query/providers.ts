/** What an OpenAI-compatible server offers of the parts of the API that not all have. */
export interface Abilities {
  /** Most `top_logprobs` that it gives; 0: none. Undefined: it depends on the model, so the first answer decides. */
  readonly logprobs: number | undefined;
  /** `response_format: {type: json_schema}`. */
  readonly jsonSchema: boolean;
  /** `n`: several choices for one prompt, which is then paid for once. */
  readonly choices: boolean;
  /** `/files` and `/batches`. */
  readonly batch: boolean;
  readonly maxTokens: 'max_tokens' | 'max_completion_tokens';
}

export interface Provider extends Abilities {
  readonly name: string;
  /** Without a slash at its end. Undefined: the recipe has to say. */
  readonly baseUrl: string | undefined;
  /** The variable in which people keep its key; undefined: it mostly needs none. */
  readonly variable: string | undefined;
}

/** A server of which nothing is known: only what all have is used. */
const CUSTOM: Provider = {
  name: 'custom',
  baseUrl: undefined,
  variable: undefined,
  logprobs: undefined,
  jsonSchema: false,
  choices: false,
  batch: false,
  maxTokens: 'max_tokens',
};

const local = { variable: undefined, batch: false, maxTokens: 'max_tokens' } as const;

/** Those that people use; `docs/teachers.md` has the table. To add one: a line here, in the schema and a recorded answer in the tests. */
export const providers: readonly Provider[] = [
  CUSTOM,
  {
    name: 'openai',
    baseUrl: 'https://api.openai.com/v1',
    variable: 'OPENAI_API_KEY',
    // Reasoning models have none.
    logprobs: undefined,
    jsonSchema: true,
    choices: true,
    batch: true,
    maxTokens: 'max_completion_tokens',
  },
  {
    name: 'deepseek',
    baseUrl: 'https://api.deepseek.com/v1',
    variable: 'DEEPSEEK_API_KEY',
    logprobs: undefined,
    jsonSchema: false,
    choices: false,
    batch: false,
    maxTokens: 'max_tokens',
  },
  {
    name: 'gemini',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    variable: 'GEMINI_API_KEY',
    logprobs: 0,
    jsonSchema: true,
    choices: false,
    batch: false,
    maxTokens: 'max_tokens',
  },
  {
    name: 'anthropic',
    baseUrl: 'https://api.anthropic.com/v1',
    variable: 'ANTHROPIC_API_KEY',
    logprobs: 0,
    jsonSchema: false,
    choices: false,
    batch: false,
    maxTokens: 'max_tokens',
  },
  {
    name: 'openrouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    variable: 'OPENROUTER_API_KEY',
    logprobs: undefined,
    jsonSchema: false,
    choices: false,
    batch: false,
    maxTokens: 'max_tokens',
  },
  { name: 'vllm', baseUrl: 'http://127.0.0.1:8000/v1', ...local, logprobs: 20, jsonSchema: true, choices: true },
  {
    name: 'ollama',
    baseUrl: 'http://127.0.0.1:11434/v1',
    ...local,
    logprobs: undefined,
    jsonSchema: true,
    choices: false,
  },
  {
    name: 'llama.cpp',
    baseUrl: 'http://127.0.0.1:8080/v1',
    ...local,
    logprobs: undefined,
    jsonSchema: true,
    choices: false,
  },
  // Its classifiers answer with a label anyway, and its language models are held to no schema.
  { name: 'recipe', baseUrl: undefined, ...local, logprobs: 20, jsonSchema: false, choices: true },
];

/** The variables in which keys are kept. */
export const variables = providers.flatMap(({ variable }) => variable ?? []);

/** The provider of that name; the schema allows no other. */
export function providerOf(name: string): Provider {
  return providers.find((provider) => provider.name === name) ?? CUSTOM;
}

/** A teacher as the recipe has it, with what its provider makes of it. */
export interface Teacher {
  readonly provider: Provider;
  /** The model's name at the provider. */
  readonly model: string;
  /** Undefined: a model of the workplace is served for the time of the step. */
  readonly baseUrl: string | undefined;
}

/** `model: openai:gpt-4.1-mini` is short for `provider: openai` and `model: gpt-4.1-mini`. */
export function teacherOf(given: { provider: string; model: string; base_url?: string }): Teacher {
  const [prefix = '', ...rest] = given.model.split(':');
  const short = given.provider === CUSTOM.name && given.base_url === undefined && rest.length > 0;
  const named = short ? providers.find(({ name }) => name === prefix) : undefined;
  const provider = named ?? providerOf(given.provider);
  return {
    provider,
    model: named === undefined ? given.model : rest.join(':'),
    baseUrl: (given.base_url ?? provider.baseUrl)?.replace(/\/+$/, ''),
  };
}

/** Names of models that Ollama, asked here, has its own servers answer: `gpt-oss:120b-cloud`, `qwen3:cloud`. */
const ELSEWHERE = /:(?:[^/:]*-)?cloud$/;

/** Whether what is asked leaves this machine. What a server here passes on to others cannot be known. */
export const leavesMachine = ({ baseUrl, model }: Pick<Teacher, 'baseUrl' | 'model'>): boolean =>
  baseUrl !== undefined && (!isLocal(baseUrl) || ELSEWHERE.test(model));

/** Whether an address is on this machine. */
export function isLocal(baseUrl: string): boolean {
  const { hostname } = new URL(baseUrl);
  const named = hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]';
  return named || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
