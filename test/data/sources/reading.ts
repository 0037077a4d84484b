import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect } from 'vitest';
import { readSource, type SourceOptions } from '../../../src/data/sources/index.js';
import type { Item } from '../../../src/data/sources/source.js';
import { temporaryFolder, withDefaults } from '../../steps/context.js';

/** Files below a fresh folder; returns the folder. */
export async function files(contents: Record<string, string | Uint8Array>): Promise<string> {
  const root = await temporaryFolder();
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

/** All that a source says, its options as the recipe has them; a failure with its hint and pointer in the message. */
export async function readAll(source: { type: string; [option: string]: unknown }, keys: string[] = []) {
  const options = (withDefaults('sample-data', { source: source as never }) as { source: unknown }).source;
  const items: Item[] = [];
  const report = { progress: async () => {}, log: () => {} };
  const scratch = await temporaryFolder();
  try {
    for await (const item of readSource(options as SourceOptions, report, keys, scratch)) items.push(item);
    return items;
  } finally {
    expect(await readdir(scratch)).toEqual([]);
  }
}

/** What reading fails with: message, hint, pointer. */
export async function failure(work: Promise<unknown>, root: string): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    const { message, hint = '', pointer = '' } = error as Error & { hint?: string; pointer?: string };
    return `${message} | ${hint} | ${pointer}`.replaceAll(root, 'ROOT');
  }
}

/** The bad rows among some items, as `where: why`. */
export const badOnes = (items: readonly Item[]): string[] =>
  items.flatMap((item) => ('unreadable' in item ? [`${item.where}: ${item.unreadable}`] : []));

export const goodOnes = (items: readonly Item[]) => items.flatMap((item) => ('unreadable' in item ? [] : [item]));

/** A Parquet file's bytes. */
export function parquetBytes(
  columns: Parameters<typeof parquetWriteBuffer>[0]['columnData'],
  more: Partial<Parameters<typeof parquetWriteBuffer>[0]> = {},
): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData: columns, ...more }));
}
