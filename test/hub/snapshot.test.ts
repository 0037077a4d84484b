import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchSnapshot, type SnapshotOptions } from '../../src/hub/snapshot.js';
import { Random } from '../../src/util/random.js';
import { HubServer } from './server.js';

const [FIRST, SECOND] = ['a'.repeat(40), 'b'.repeat(40)];
const WEIGHTS = 3_000_000;
const TOKEN = 'secret-token-1234';

describe('fetchSnapshot', () => {
  let server: HubServer;
  let endpoint: string;
  let cache: string;
  beforeEach(async () => {
    server = await HubServer.start('org/model');
    endpoint = server.endpoint;
    cache = await mkdtemp(join(tmpdir(), 'recipe-test-hub-'));
    const random = new Random(1, 'weights');
    server.files.set('config.json', Buffer.from('{"model_type": "bert"}'));
    server.files.set('model.safetensors', Buffer.from(Uint8Array.from({ length: WEIGHTS }, () => random.below(256))));
    server.files.set('pytorch_model.bin', Buffer.alloc(1000));
    server.branches.set('main', FIRST);
  });
  afterEach(async () => {
    await server.stop();
    await rm(cache, { recursive: true, force: true });
  });

  const fetched = (revision = 'main', options: Partial<SnapshotOptions> = {}) =>
    fetchSnapshot(
      { repository: 'org/model', revision },
      {
        cache,
        endpoint,
        token: undefined,
        wanted: (path) => !path.endsWith('.bin'),
        signal: new AbortController().signal,
        ...options,
      },
    );
  const sameBytes = async (folder: string): Promise<void> => {
    for (const name of ['config.json', 'model.safetensors']) {
      expect((await readFile(join(folder, name))).equals(server.files.get(name) as Buffer), name).toBe(true);
    }
  };

  it('fetches what is wanted of the commit that a branch names, in the layout of the cache', async () => {
    const progress: [number, number][] = [];
    const { commit, folder, offline } = await fetched('main', {
      onProgress: (done, total) => {
        progress.push([done, total]);
      },
    });
    expect([commit, offline]).toEqual([FIRST, false]);
    expect(folder).toBe(join(cache, 'models--org--model', 'snapshots', FIRST));
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
    await sameBytes(folder);
    expect(await readFile(join(cache, 'models--org--model', 'refs', 'main'), 'utf8')).toBe(FIRST);
    const total = WEIGHTS + (server.files.get('config.json')?.length ?? 0);
    expect(progress.at(-1)).toEqual([total, total]);
    expect(server.requests.filter(({ url }) => url.includes('/resolve/')).every(({ url }) => url.includes(FIRST))).toBe(
      true,
    );
  });

  it('asks for nothing where a pinned commit is in the cache, and only for the commit of a branch', async () => {
    await fetched(FIRST);
    const before = server.requests.length;
    expect((await fetched(FIRST)).commit).toBe(FIRST);
    expect(server.requests).toHaveLength(before);
    await fetched('main');
    expect(server.requests.slice(before).map(({ url }) => url)).toEqual(['/api/models/org/model/revision/main']);
  });

  it('takes another commit when the branch has moved', async () => {
    await fetched();
    server.branches.set('main', SECOND);
    server.files.set('config.json', Buffer.from('{"model_type": "gpt2"}'));
    const sent = server.sent;
    const { commit, folder } = await fetched();
    expect(commit).toBe(SECOND);
    await sameBytes(folder);
    expect(server.sent - sent).toBe(server.files.get('config.json')?.length); // the weights are the same blob
  });

  it('goes on where a connection was cut, without fetching anything twice', async () => {
    server.faults.cut = { after: 800_000, times: 3 };
    const { folder } = await fetched();
    await sameBytes(folder);
    expect(server.sent).toBe(WEIGHTS + (server.files.get('config.json')?.length ?? 0));
  });

  it('goes on in a later run', async () => {
    server.faults.cut = { after: 500_000, times: 1 };
    const controller = new AbortController();
    let seen = 0;
    await expect(
      fetched('main', {
        signal: controller.signal,
        onProgress: (done) => {
          seen = done;
          if (done > 100_000) controller.abort();
        },
      }),
    ).rejects.toThrow();
    expect(seen).toBeLessThan(WEIGHTS);
    server.faults = {};
    const sent = server.sent;
    const { folder } = await fetched();
    await sameBytes(folder);
    expect(server.sent - sent).toBeLessThan(WEIGHTS);
  });

  it('starts anew where the server knows no ranges', async () => {
    server.faults = { cut: { after: 800_000, times: 1 }, noRanges: true };
    await sameBytes((await fetched()).folder);
  });

  it.each([[503], [429]])('waits and tries again on status %i', async (code) => {
    server.faults.status = { code, times: 2, retryAfter: '1' };
    const started = performance.now();
    await sameBytes((await fetched()).folder);
    expect(performance.now() - started).toBeGreaterThan(2000);
  });

  it('sends the token to the Hub alone, and shows it to nobody', async () => {
    server.token = TOKEN;
    await expect(fetched()).rejects.toMatchObject({
      reason: 'hub-refused',
      message: 'hf:org/model@main may not be read without a token',
    });
    await sameBytes((await fetched('main', { token: TOKEN })).folder);
    const cdn = server.requests.filter(({ host }) => host === 'cdn');
    expect(cdn.length).toBeGreaterThan(0);
    expect(cdn.every(({ authorization }) => authorization === undefined)).toBe(true);
    const wrong = await fetched(SECOND, { token: `${TOKEN}5` }).catch((error: Error) => error);
    expect(wrong).toMatchObject({ message: `hf:org/model@${SECOND} may not be read with this token` });
    expect(JSON.stringify(wrong, Object.getOwnPropertyNames(wrong))).not.toContain(TOKEN);
  });

  it('says what there is not', async () => {
    await expect(fetched('v9')).rejects.toMatchObject({
      reason: 'hub-not-found',
      message: 'there is no hf:org/model@v9',
    });
    await expect(fetched('main', { wanted: () => false })).rejects.toThrow('has none of the files that are needed');
    await expect(fetched('main', { endpoint: 'ftp://x' })).rejects.toThrow('which is no http address');
  });

  it('takes no damaged bytes, and keeps none', async () => {
    server.faults.damaged = true;
    await expect(fetched()).rejects.toThrow(/config.json came damaged: its hash is [0-9a-f]{40}/);
    server.faults = {};
    await sameBytes((await fetched()).folder);
    // A commit that lost a file is not taken for a complete one.
    await rm(join(cache, 'models--org--model', 'snapshots', FIRST, 'config.json'));
    await sameBytes((await fetched(FIRST)).folder);
  });

  it('takes a branch from the cache when there is no network, and says so', async () => {
    await fetched();
    await server.stop();
    const again = await fetched();
    expect(again).toMatchObject({ commit: FIRST, offline: true });
    await rm(join(cache, 'models--org--model', '.recipe'), { recursive: true });
    await expect(fetched()).rejects.toMatchObject({
      reason: 'hub-unreachable',
      message: expect.stringContaining(`hf:org/model@main cannot be fetched from ${endpoint}`),
    });
    server = await HubServer.start('org/model');
  }, 60_000);
});
