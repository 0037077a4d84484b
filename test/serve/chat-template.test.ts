import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readChatFormat } from '../../src/serve/chat-template.js';
import { ApiError } from '../../src/serve/errors.js';
import { temporaryFolder } from '../steps/context.js';

const MESSAGES = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hello' },
];

async function formatOf(files: Readonly<Record<string, string | object>>) {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return readChatFormat(folder);
}

describe('a chat format', () => {
  it('is lines without a template', async () => {
    const format = await formatOf({});
    expect(format.render(MESSAGES)).toBe('system: Be brief.\nuser: Hello\nassistant:');
    expect(format.special).toBe(true);
  });

  // Qwen 2.5's, without tools.
  const QWEN = `{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant") %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
`;
  it.each([
    ['tokenizer_config.json', { 'tokenizer_config.json': { chat_template: QWEN } }],
    ['a list there', { 'tokenizer_config.json': { chat_template: [{ name: 'default', template: QWEN }] } }],
    ['chat_template.jinja', { 'chat_template.jinja': QWEN, 'tokenizer_config.json': { chat_template: 'old' } }],
  ])('is the template of %s', async (_, files) => {
    const format = await formatOf(files);
    expect(format.special).toBe(false);
    expect(format.render(MESSAGES)).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it('knows the special tokens, written either way', async () => {
    const template = "{{ bos_token }}{{ messages[0]['content'] }}{{ eos_token }}{{ pad_token }}";
    const config = { chat_template: template, bos_token: '<s>', eos_token: { content: '</s>' }, pad_token: null };
    expect((await formatOf({ 'tokenizer_config.json': config })).render(MESSAGES)).toBe('<s>Be brief.</s>');
  });

  it('passes on what the template refuses', async () => {
    const template = "{{ raise_exception('roles must alternate') }}";
    const format = await formatOf({ 'tokenizer_config.json': { chat_template: template } });
    expect(() => format.render(MESSAGES)).toThrow(ApiError);
    expect(() => format.render(MESSAGES)).toThrow('roles must alternate');
  });

  it('says of a template that cannot be read where it is', async () => {
    await expect(formatOf({ 'chat_template.jinja': '{% if %}' })).rejects.toThrow(
      /the chat template of .* cannot be read/,
    );
    await expect(formatOf({ 'tokenizer_config.json': '{' })).rejects.toThrow(/tokenizer_config\.json is not JSON/);
  });
});
