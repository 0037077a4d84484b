import { describe, expect, it } from 'vitest';
import { readDataset } from '../../src/data/dataset.js';
import { sampleData } from '../../src/steps/sample-data.js';
import { parquetBytes } from '../data/sources/reading.js';
import { runStep, type TestContext, temporaryFolder } from '../steps/context.js';
import { FIRST, SECOND, TOKEN } from './fetching.js';
import { CdnServer, type HubFile, HubServer } from './server.js';

const parquet = (...texts: string[]): HubFile => ({
  bytes: Buffer.from(
    parquetBytes(
      [
        { name: 'text', data: texts, type: 'STRING' },
        { name: 'label', data: texts.map((_, i) => BigInt(i % 2)), type: 'INT64' },
      ],
      {
        kvMetadata: [
          {
            key: 'huggingface',
            value: '{"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}',
          },
        ],
      },
    ),
  ),
  lfs: true,
});

const MAIN = {
  'README.md': { bytes: Buffer.from('# A data set') },
  'data/train-00000-of-00002.parquet': parquet('one two', 'three four'),
  'data/train-00001-of-00002.parquet': parquet('five six'),
  'data/test-00000-of-00001.parquet': parquet('seven eight'),
};
const CONVERTED = {
  'one/train/0000.parquet': parquet('of one'),
  'two/train/0000.parquet': parquet('of two'),
};

async function hub(): Promise<HubServer> {
  const commits = { [FIRST]: MAIN, [SECOND]: CONVERTED };
  const refs = { main: FIRST, 'refs/convert/parquet': SECOND };
  const server = await new HubServer({ 'datasets/org/name': { refs, commits } }).start();
  server.cdn = await new CdnServer().start();
  return server;
}

interface Given {
  readonly variables?: Record<string, string>;
  readonly cache?: string;
}
async function run(server: HubServer, source: Record<string, string>, { variables, cache }: Given = {}) {
  const all = { HF_ENDPOINT: server.url, HF_HUB_CACHE: cache ?? (await temporaryFolder()), ...variables };
  const split = { train: 1, validation: 0, test: 0 };
  const options = { source: { type: 'hf', dataset: 'hf:org/name', ...source }, split };
  return runStep(sampleData, { options, variables: all });
}
const rowsOf = async ({ outputs }: TestContext) => {
  const { rows } = await readDataset(outputs.train as string);
  return rows.map(({ text, label }) => `${text}: ${label}`).sort();
};
const wrong = async (...args: Parameters<typeof run>): Promise<string> =>
  run(...args).then(
    () => 'nothing',
    ({ message, hint, pointer }: Error & { hint?: string; pointer?: string }) => `${message} | ${hint} | ${pointer}`,
  );

describe('a data set of the Hub', () => {
  it('is read from the Parquet files of a split, its labels by their names', async () => {
    const server = await hub();
    const context = await run(server, {});
    expect(await rowsOf(context)).toEqual(['five six: neg', 'one two: neg', 'three four: pos']);
    expect(context.logs).toContainEqual({
      level: 'info',
      message: `main is commit ${FIRST}: hf:org/name@${FIRST} pins it`,
    });
    expect(await rowsOf(await run(server, { split: 'test' }))).toEqual(['seven eight: neg']);
    const dataset = 'hf:org/name@refs/convert/parquet';
    expect(await rowsOf(await run(server, { dataset, config: 'two' }))).toEqual(['of two: neg']);
  });

  it('is downloaded once', async () => {
    const server = await hub();
    const cache = await temporaryFolder();
    await run(server, { dataset: `hf:org/name@${FIRST}` }, { cache });
    await server.stop();
    expect(await rowsOf(await run(server, { dataset: `hf:org/name@${FIRST}` }, { cache }))).toHaveLength(3);
  });

  it('is read with a token, which nobody is told', async () => {
    const server = await hub();
    server.token = TOKEN;
    const context = await run(server, {}, { variables: { HF_TOKEN: TOKEN } });
    expect(await rowsOf(context)).toHaveLength(3);
    expect(JSON.stringify([context.logs, context.progress, context.tables])).not.toContain(TOKEN);
    expect(await wrong(server, {})).toContain(
      'hf:org/name cannot be read without a token (status 401) | Set HF_TOKEN to a token that may read it. Data sets that do not exist',
    );
  });

  it('says what is not there', async () => {
    const server = await hub();
    expect(await wrong(server, { split: 'dev' })).toBe(
      'hf:org/name has no Parquet file of the split "dev" | It has data/train-00000-of-00002.parquet, data/train-00001-of-00002.parquet, data/test-00000-of-00001.parquet. | /source/split',
    );
    expect(await wrong(server, { dataset: 'hf:org/name@refs/convert/parquet' })).toBe(
      'hf:org/name@refs/convert/parquet has files of the split "train" in several folders: "one/train", "two/train" | Name one in the option "config". | /source/dataset',
    );
    expect(await wrong(server, { dataset: 'hf:org/other' })).toMatch(
      /^hf:org\/other@main is not on .* \| Check the name at http.*\/datasets\/org\/other\. \| \/source\/dataset$/,
    );
    expect(await wrong(server, { dataset: 'hf:a/b/c' })).toContain(
      '"hf:a/b/c" does not name a data set on the Hugging Face Hub',
    );
    expect(await wrong(server, { text: 'body' })).toMatch(/no column "body" \| .* \| \/source\/text$/);
  });
});
