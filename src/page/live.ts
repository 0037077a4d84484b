import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { Html, html } from './html.js';
import { body, document } from './page.js';
import type { RunData } from './run-data.js';

export interface Following {
  /** 0 takes a free one. */
  readonly port: number;
  /** The run as it stands. */
  readonly read: () => Promise<RunData>;
  /** Changes whenever the run has got further. */
  readonly version: () => Promise<string>;
  readonly ended: () => Promise<boolean>;
}

export interface Live {
  readonly url: string;
  /** Resolves once the run has ended and whoever looked has seen its end. */
  readonly over: Promise<void>;
  stop(): Promise<void>;
}

/** The page asks this often for news, milliseconds. */
const EVERY = 1000;
/** Building it takes at most a twentieth of the time: the run needs the processor. */
const SHARE = 20;
/** A page that nobody asks for any more is not waited for, milliseconds. */
const GRACE = 5000;

/** Replaces what is seen by what is new; what was unfolded stays so. */
const script = new Html(`
let tag = '', failures = 0;
const key = (details) => [details.closest('section')?.id, details.closest('figure')?.querySelector('figcaption')?.textContent,
  details.querySelector('summary').textContent].join('|');
async function follow() {
  try {
    const answer = await fetch('/body', { headers: { 'if-none-match': tag }, cache: 'no-store' });
    failures = 0;
    if (answer.status === 200) {
      tag = answer.headers.get('etag');
      const open = new Map([...document.querySelectorAll('details')].map((details) => [key(details), details.open]));
      const top = scrollY;
      document.body.innerHTML = await answer.text();
      for (const details of document.querySelectorAll('details')) details.open = open.get(key(details)) ?? details.open;
      scrollTo(0, top);
    }
    if (answer.headers.get('x-ended') === 'true') return;
  } catch {
    if (++failures === 5) return;
  }
  setTimeout(follow, ${EVERY});
}
follow();
`);

/** Serves a run's report on this machine alone, to itself alone, and follows the run to its end. */
export async function startLive({ port, read, version, ended }: Following): Promise<Live> {
  const server = fastify({ exposeHeadRoutes: false, forceCloseConnections: true });
  let seen: (() => void) | undefined;
  const over = new Promise<void>((resolve) => {
    seen = resolve;
  });
  let state = { tag: '', ended: false, run: await read(), at: Number.NEGATIVE_INFINITY, took: 0 };
  let building: Promise<void> | undefined;
  /** Reads the run anew where there is news, and the last reading is long enough ago. */
  const refresh = async (): Promise<void> => {
    const now = performance.now();
    const done = await ended();
    if (state.ended || (!done && now - state.at < Math.max(EVERY, SHARE * state.took))) return;
    const tag = `"${await version()}-${done}"`;
    if (tag === state.tag) return;
    const run = await read();
    state = { tag, ended: done, run, at: performance.now(), took: performance.now() - now };
  };
  const refreshed = (): Promise<void> => {
    building ??= refresh().finally(() => {
      building = undefined;
    });
    return building;
  };

  server.addHook('onRequest', async (request, reply) => {
    // A page elsewhere whose name leads here must not read it.
    const hosts = ['127.0.0.1', 'localhost'].map((name) => `${name}:${(server.server.address() as AddressInfo).port}`);
    if (!hosts.includes(request.headers.host ?? '')) return reply.code(403).send('this is for 127.0.0.1 alone\n');
    if (request.method !== 'GET') return reply.code(405).header('allow', 'GET').send('only GET\n');
    reply.headers({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    return undefined;
  });
  server.get('/', async (_request, reply) => {
    await refreshed();
    const nonce = randomBytes(16).toString('base64');
    const policy = `default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; script-src 'nonce-${nonce}'`;
    reply.header('content-security-policy', policy).type('text/html; charset=utf-8');
    return document(state.run, html`<script type="module" nonce="${nonce}">${script}</script>`);
  });
  server.get('/body', async (request, reply) => {
    await refreshed();
    reply.header('etag', state.tag).header('x-ended', String(state.ended)).type('text/html; charset=utf-8');
    if (state.ended) reply.raw.once('finish', () => seen?.());
    return request.headers['if-none-match'] === state.tag ? reply.code(304).send() : body(state.run).text;
  });
  await server.listen({ host: '127.0.0.1', port });
  const watch = setInterval(async () => {
    if (!(await ended())) return;
    clearInterval(watch);
    setTimeout(() => seen?.(), GRACE).unref();
  }, EVERY);
  return {
    url: `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/`,
    over,
    async stop() {
      clearInterval(watch);
      await server.close();
    },
  };
}
