import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fieldsOf, fill, holesOf } from '../../../src/data/template.js';
import { messagesOf, readExamples } from '../../../src/teachers/query/prompt.js';
import { temporaryFolder } from '../../steps/context.js';

describe('prompts', () => {
  it('put fields in and evaluate nothing', () => {
    expect(fill('{{ subject }}: {{text}}{{text}}', { text: '{{subject}} $& ${x}', subject: 'hi' }, 'row 1')).toBe(
      'hi: {{subject}} $& ${x}{{subject}} $& ${x}',
    );
    expect(holesOf('{{ a }} {{b}} { {c} }')).toEqual(['a', 'b']);
  });

  it('refuse a field that is not there, and know no other names', () => {
    expect(() => fill('{{ body }}', { text: 'x' }, 'row 1')).toThrow(/"body", which row 1 does not have/);
    expect(() => fill('{{ constructor }}', { text: 'x' }, 'row 1')).toThrow(/"constructor"/);
  });

  it('show examples as turns before the row', () => {
    const prompt = { system: 'be brief', user: 'Q: {{text}}', examples: [{ fields: { text: '1+1' }, answer: '2' }] };
    expect(messagesOf(prompt, { text: '2+2' }, 'row 1')).toEqual([
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'Q: 1+1' },
      { role: 'assistant', content: '2' },
      { role: 'user', content: 'Q: 2+2' },
    ]);
    expect(messagesOf({ ...prompt, system: '', examples: [] }, { text: 'a' }, 'row 1')).toHaveLength(1);
    expect(fieldsOf({ text: 'a', fields: { subject: 'b' } })).toEqual({ text: 'a', subject: 'b' });
  });

  it('read examples from a file, and say which line is none', async () => {
    const file = join(await temporaryFolder(), 'examples.jsonl');
    await writeFile(file, '{"text": "a", "answer": "spam"}\n\n{"text": "b", "answer": "ham"}\n');
    expect(await readExamples(file)).toEqual([
      { fields: { text: 'a' }, answer: 'spam' },
      { fields: { text: 'b' }, answer: 'ham' },
    ]);
    await writeFile(file, '{"text": "a", "answer": "spam"}\n{"text": "b"}\n');
    await expect(readExamples(file)).rejects.toThrow(`${file}:2: not an example`);
    await writeFile(file, '\n');
    await expect(readExamples(file)).rejects.toThrow('has no examples');
  });
});
