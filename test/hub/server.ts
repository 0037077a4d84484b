import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders as Headers, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A file of a commit. */
export interface HubFile {
  readonly bytes: Buffer;
  /** In large file storage: named by its SHA-256, not by git's hash. */
  readonly lfs?: boolean;
}

export interface HubModel {
  /** Branches and tags. */
  readonly refs: Record<string, string>;
  /** Files by path, by commit. */
  readonly commits: Record<string, Record<string, HubFile>>;
}

/** A request that a server saw. */
export interface Seen {
  readonly path: string;
  readonly headers: Headers;
  /** Bytes of a file that were sent in answer. */
  sent: number;
}

/** How requests are disturbed. Each lasts for `times` requests whose path matches. */
export interface Trouble {
  readonly on: RegExp;
  times: number;
  /** Answer with this status instead. */
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly text?: string;
  /** Close the connection without an answer. */
  readonly hangUp?: true;
  /** Close the connection after this many bytes of the answer's body… */
  readonly cutAfter?: number;
  /** …or end the answer as if it were complete, without saying its length. */
  readonly endAfter?: number;
  /** Send this many bytes and then no more, with the connection open. */
  readonly holdAfter?: number;
  /** Send other bytes. */
  readonly replace?: (bytes: Buffer) => Buffer;
}

/** What stands for a file's bytes on the Hub: git's hash of it, or its SHA-256. */
export function blobOf({ bytes, lfs = false }: HubFile): string {
  return lfs
    ? createHash('sha256').update(bytes).digest('hex')
    : createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** An answer as it is meant; of a file, parts may be asked for. */
interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
  readonly file?: true;
}

const json = (value: unknown, headers: Record<string, string> = {}, status = 200): Reply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(JSON.stringify(value)),
});
const error = (status: number, code: string): Reply => json({ error: code }, { 'x-error-code': code }, status);
const file = (body: Buffer): Reply => ({ status: 200, body, file: true });

/** Some server on a port of its own that remembers what it was asked and can be told to misbehave. */
abstract class TestServer {
  readonly seen: Seen[] = [];
  readonly troubles: Trouble[] = [];
  /** Whether it knows of `Range`. */
  ranges = true;
  /** Called with every request's path before it is answered. */
  onRequest: (path: string) => void = () => {};
  private readonly server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    const seen: Seen = { path, headers: request.headers, sent: 0 };
    this.seen.push(seen);
    this.onRequest(path);
    const trouble = this.troubles.find(({ on, times }) => times > 0 && on.test(path));
    if (trouble !== undefined) trouble.times--;
    if (trouble?.hangUp) request.socket.destroy();
    else if (trouble?.status !== undefined) response.writeHead(trouble.status, trouble.headers).end(trouble.text);
    else send(this.reply(new URL(path, this.url), request.headers), response, seen, trouble, this.ranges);
  });

  protected abstract reply(url: URL, headers: Headers): Reply;

  /** Its origin, also when it is stopped and nobody is there any more. */
  url = '';

  /** Bytes of files that were sent. */
  get sent(): number {
    return this.seen.reduce((sum, { sent }) => sum + sent, 0);
  }

  /** Requests for files. */
  get downloads(): Seen[] {
    return this.seen.filter(({ path }) => !path.startsWith('/api/'));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    onTestFinished(() => this.stop());
    return this;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

function send(reply: Reply, response: ServerResponse, seen: Seen, trouble: Trouble | undefined, ranges: boolean): void {
  const { cutAfter, endAfter, holdAfter, replace = (bytes: Buffer) => bytes } = trouble ?? {};
  let { status, headers = {}, body = Buffer.alloc(0) } = reply;
  if (reply.file) {
    body = replace(body);
    const range = ranges ? /^bytes=(\d+)-$/.exec(seen.headers.range ?? '') : null;
    const from = Number(range?.[1] ?? 0);
    if (range !== null) {
      status = from < body.length ? 206 : 416;
      const extent = status === 206 ? `${from}-${body.length - 1}` : '*';
      headers = { ...headers, 'content-range': `bytes ${extent}/${body.length}` };
      body = body.subarray(from);
    }
  }
  const part = body.subarray(0, cutAfter ?? endAfter ?? holdAfter ?? body.length);
  if (reply.file) seen.sent = part.length;
  response.writeHead(status, endAfter === undefined ? { ...headers, 'content-length': String(body.length) } : headers);
  if (cutAfter !== undefined) response.write(part, () => setTimeout(() => response.destroy(), 10));
  else if (holdAfter !== undefined) response.write(part);
  else response.end(part);
}

/** Where the Hub sends those who ask for large files: another origin. Addresses are `/<blob>?signature=1`. */
export class CdnServer extends TestServer {
  readonly blobs = new Map<string, Buffer>();

  protected reply(url: URL): Reply {
    const blob = this.blobs.get(url.pathname.slice(1));
    return blob === undefined ? error(404, 'NoSuchKey') : file(blob);
  }
}

/** Answers as huggingface.co does, where models are concerned. */
export class HubServer extends TestServer {
  /** Needed for everything if set. */
  token: string | undefined;
  /** Large files are redirected to it. */
  cdn: CdnServer | undefined;
  /** Entries on one page of a listing, and the origin where the next page is said to be. */
  page = 1000;
  nextPageAt: string | undefined;

  /** @param models data sets are under `datasets/<name>` */
  constructor(readonly models: Record<string, HubModel>) {
    super();
  }

  protected reply(url: URL, headers: Headers): Reply {
    if (this.token !== undefined) {
      if (headers.authorization === undefined) return error(401, 'GatedRepo');
      if (headers.authorization !== `Bearer ${this.token}`) return error(403, 'GatedRepo');
    }
    const [, repository = '', verb, rest = ''] =
      /^(?:\/api\/models|\/api(?=\/datasets\/))?\/(.+?)\/(revision|tree|resolve)\/(.+)$/.exec(url.pathname) ?? [];
    const model = this.models[repository];
    if (model === undefined) return error(404, 'RepoNotFound');
    if (verb === 'revision') {
      const sha = commitIn(model, decodeURIComponent(rest));
      if (sha === undefined) return error(404, 'RevisionNotFound');
      return json({ _id: '1', id: repository, sha, lastModified: '2026-01-01T00:00:00.000Z' });
    }
    const [revision = '', ...path] = rest.split('/').map(decodeURIComponent);
    const files = model.commits[commitIn(model, revision) ?? ''];
    if (files === undefined) return error(404, 'RevisionNotFound');
    return verb === 'tree' ? this.tree(url, files) : this.bytes(files[path.join('/')], headers);
  }

  private bytes(found: HubFile | undefined, { accept }: Headers): Reply {
    if (found === undefined) return error(404, 'EntryNotFound');
    if (!found.lfs) return file(found.bytes);
    if (accept?.includes('xet')) return error(501, 'NoXet');
    if (this.cdn === undefined) return file(found.bytes);
    this.cdn.blobs.set(blobOf(found), found.bytes);
    return { status: 302, headers: { location: `${this.cdn.url}/${blobOf(found)}?signature=1` } };
  }

  private tree(url: URL, files: Record<string, HubFile>): Reply {
    const recursive = url.searchParams.get('recursive') === 'true';
    const entries = Object.entries(files)
      .filter(([path]) => recursive || !path.includes('/'))
      .map(([path, found]) => entryOf(path, found));
    const folders = new Set(Object.keys(files).flatMap((path) => /^(.+)\//.exec(path)?.[1] ?? []));
    for (const path of folders) entries.push({ type: 'directory', oid: '0'.repeat(40), size: 0, path });
    const start = Number(url.searchParams.get('cursor') ?? 0);
    const end = start + this.page;
    const next = new URL(url.pathname + url.search, this.nextPageAt ?? this.url);
    next.searchParams.set('cursor', String(end));
    return json(entries.slice(start, end), end < entries.length ? { link: `<${next}>; rel="next"` } : {});
  }
}

function commitIn(model: HubModel, revision: string): string | undefined {
  return model.commits[revision] === undefined ? model.refs[revision] : revision;
}

function entryOf(path: string, found: HubFile): Record<string, unknown> {
  const size = found.bytes.length;
  if (!found.lfs) return { type: 'file', oid: blobOf(found), size, path };
  const lfs = { oid: blobOf(found), size, pointerSize: 134 };
  // The object that git has in its place is a small text.
  return { type: 'file', oid: '1'.repeat(40), size, path, lfs, xetHash: '2'.repeat(64) };
}
