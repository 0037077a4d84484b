import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCodec } from '../../src/data/codec.js';
import { END, languageModelFolder } from '../serve/rig.js';
import { sharedFolder } from '../train/rig.js';

describe('a byte-level codec', async () => {
  const { codec } = await languageModelFolder(await sharedFolder());

  it.each(['plain', 'café í 🙂\n\t', 'x'.repeat(3000)])('gives back a text (%#)', async (text) => {
    const ids = await codec.encode(text, true);
    expect(ids).toHaveLength(Buffer.byteLength(text));
    expect(await codec.decode(ids)).toBe(text);
    expect(Buffer.concat(ids.map((id) => codec.bytes(id))).toString()).toBe(text);
  });

  it('knows the bytes of words and special tokens', () => {
    const text = (token: string): string => Buffer.from(codec.bytes(codec.idOf(token) as number)).toString();
    expect(text('ĠcafÃ©')).toBe(' café');
    expect(text(END)).toBe(END);
    expect(codec.idOf('nothing')).toBeNull();
  });

  it('reads special tokens in a text, and leaves them out of one', async () => {
    const ids = await codec.encode(`a${END}`, false);
    expect(ids).toHaveLength(2);
    expect(await codec.decode(ids)).toBe('a');
  });
});

it('knows the bytes of a SentencePiece vocabulary', async () => {
  const folder = await sharedFolder();
  const vocab = { '<unk>': 0, '▁the': 1, '<0x0A>': 2, é: 3 };
  const json = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] },
    model: { type: 'BPE', vocab, merges: [], unk_token: '<unk>', byte_fallback: true },
  };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
  const codec = await loadCodec(folder);
  expect([1, 2, 3].map((id) => Buffer.from(codec.bytes(id)).toString())).toEqual([' the', '\n', 'é']);
});
