import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jsonl } from '../../../src/data/sources/jsonl.js';
import type { Item } from '../../../src/data/sources/source.js';
import { temporaryFolder } from '../../steps/context.js';

async function read(content: string | Buffer, fields = { text: 'text', label: 'label' }): Promise<Item[]> {
  const path = join(await temporaryFolder(), 'rows.jsonl');
  await writeFile(path, content);
  const items: Item[] = [];
  try {
    const report = { progress: async () => {}, log: () => {} };
    for await (const item of jsonl.read({ type: 'jsonl', path, fields: [], ...fields }, report, [], '')) {
      if ('unreadable' in item && item.failure) throw item.failure;
      items.push(item);
    }
  } catch (error) {
    const { message, hint, name } = error as Error & { hint?: string };
    throw new Error(`${name}: ${message}${hint ? ` | ${hint}` : ''}`.replaceAll(path, 'FILE'));
  }
  return items;
}

describe('jsonl', () => {
  it('reads labels of every simple type, blank lines, CRLF and a byte order mark', async () => {
    const lines = [
      '\ufeff{"text": "a", "label": "x"}',
      '',
      '{"text": "b", "label": 1}',
      '{"text": "c", "label": false}',
    ];
    expect(await read(`${lines.join('\r\n')}\n{"text": "d", "label": null}\n{"text": "é"}`)).toEqual([
      { text: 'a', label: 'x' },
      { text: 'b', label: '1' },
      { text: 'c', label: 'false' },
      { text: 'd', label: null },
      { text: 'é', label: null },
    ]);
  });

  it('reads lines longer than one chunk of the file', async () => {
    const text = 'wörter '.repeat(200_000);
    expect(await read(`${JSON.stringify({ text })}\n{"text": "b"}\n`)).toEqual([
      { text, label: null },
      { text: 'b', label: null },
    ]);
  });

  it('takes other field names', async () => {
    expect(await read('{"body": "a", "class": "x", "text": 1}', { text: 'body', label: 'class' })).toEqual([
      { text: 'a', label: 'x' },
    ]);
  });

  it.each([
    ['{"text": "a"}\n{"text": ', 'FILE:2: not valid JSON | Each line has to be one JSON object.'],
    ['[1]', 'FILE:1: expected a JSON object, got an array'],
    ['null', 'FILE:1: expected a JSON object, got null'],
    [
      '{"body": "a", "id": 1}',
      'FILE:1: no field "text" | The row has "body", "id"; name the one with the text in the option "text".',
    ],
    ['{}', 'FILE:1: no field "text" | The row has no fields.'],
    ['{"text": 5}', 'FILE:1: field "text" has to be a string, got a number'],
    ['{"text": null}', 'FILE:1: field "text" has to be a string, got null'],
    [
      '{"text": "a", "label": ["x"]}',
      'FILE:1: field "label" has to be a string, number, boolean or null, got an array',
    ],
    [
      Buffer.from('{"text": "a"}\n{"text": "\xe9"}', 'latin1'),
      'FILE:2: byte 11 of the line, 0xe9, is not valid UTF-8 | Save the file as UTF-8, or name its character set: it may be encoding: iso-8859-1.',
    ],
    ['', 'FILE: the file has no rows'],
    ['\n \n', 'FILE: the file has no rows'],
  ])('refuses %j', async (content, message) => {
    await expect(read(content)).rejects.toThrow(new Error(`StepFailure: ${message}`));
  });
});
