import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What can go wrong, and how often. Each is counted down. */
export interface Faults {
  /** Ends the connection after so many bytes of a large file. */
  cut: { after: number; times: number };
  /** Answers every request with a status. */
  status: { code: number; times: number; retryAfter?: string };
  /** Sends other bytes than the repository says. */
  damaged: boolean;
  /** Takes no notice of Range. */
  noRanges: boolean;
}

/** A real HTTP server of the Hub's layout, and a second one at another origin where its large files are. */
export class HubServer {
  readonly requests: { host: 'hub' | 'cdn'; url: string; authorization: string | undefined }[] = [];
  readonly files = new Map<string, Buffer>();
  readonly branches = new Map<string, string>();
  faults: Partial<Faults> = {};
  token: string | undefined;
  /** Bytes of file contents that were sent. */
  sent = 0;

  private constructor(
    private readonly hub: Server,
    private readonly cdn: Server,
    readonly repository: string,
  ) {}

  static async start(repository: string): Promise<HubServer> {
    const made: { server?: HubServer } = {};
    const listen = (host: 'hub' | 'cdn'): Promise<Server> =>
      new Promise((resolve) => {
        const server = createServer((request, response) => made.server?.answer(host, request, response));
        server.listen(0, '127.0.0.1', () => resolve(server));
      });
    made.server = new HubServer(await listen('hub'), await listen('cdn'), repository);
    return made.server;
  }

  get endpoint(): string {
    return HubServer.address(this.hub);
  }

  async stop(): Promise<void> {
    for (const server of [this.hub, this.cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  private static address(server: Server): string {
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  private answer(host: 'hub' | 'cdn', request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url as string, 'http://localhost');
    const { authorization } = request.headers;
    this.requests.push({ host, url: url.pathname, authorization });
    const { status } = this.faults;
    if (status && status.times > 0) {
      status.times--;
      response.writeHead(status.code, status.retryAfter ? { 'retry-after': status.retryAfter } : {}).end('busy');
      return;
    }
    const json = (code: number, value: unknown): void => {
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (host === 'cdn') this.send(url.pathname.slice(1), request, response);
    else if (this.token && authorization !== `Bearer ${this.token}`) json(401, { error: 'Unauthorized' });
    else this.answerHub(url, json, request, response);
  }

  private answerHub(
    url: URL,
    json: (code: number, value: unknown) => void,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const name = this.repository;
    const info = new RegExp(`^/api/models/${name}/revision/(.+)$`).exec(url.pathname);
    const tree = new RegExp(`^/api/models/${name}/tree/([0-9a-f]{40})$`).exec(url.pathname);
    const file = new RegExp(`^/${name}/resolve/([0-9a-f]{40})/(.+)$`).exec(url.pathname);
    if (info) {
      const revision = decodeURIComponent(info[1] as string);
      const commit = [...this.branches.values()].includes(revision) ? revision : this.branches.get(revision);
      if (commit) json(200, { _id: '1', id: name, sha: commit });
      else json(404, { error: 'Revision not found' });
    } else if (tree) {
      json(
        200,
        [...this.files].map(([path, bytes]) => this.entry(path, bytes)),
      );
    } else if (file) {
      const path = file[2] as string;
      if (this.isLarge(path)) response.writeHead(302, { location: `${HubServer.address(this.cdn)}/${path}` }).end();
      else this.send(path, request, response);
    } else json(404, { error: 'Repository not found' });
  }

  private isLarge(path: string): boolean {
    return path.endsWith('.safetensors');
  }

  private entry(path: string, bytes: Buffer) {
    const git = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    const entry = { type: 'file', path, size: bytes.length, oid: git };
    if (!this.isLarge(path)) return entry;
    const oid = createHash('sha256').update(bytes).digest('hex');
    return { ...entry, lfs: { oid, size: bytes.length, pointerSize: 130 } };
  }

  private send(path: string, request: IncomingMessage, response: ServerResponse): void {
    const whole = this.files.get(path) as Buffer;
    const range = this.faults.noRanges ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const from = range ? Number(range[1]) : 0;
    const bytes = Buffer.from(whole.subarray(from));
    if (this.faults.damaged) bytes[0] = (bytes[0] as number) ^ 1;
    response.writeHead(range ? 206 : 200, { 'content-length': bytes.length });
    const { cut } = this.faults;
    if (cut && cut.times > 0 && bytes.length > cut.after) {
      cut.times--;
      this.sent += cut.after;
      response.write(bytes.subarray(0, cut.after), () => setTimeout(() => response.destroy(), 20));
      return;
    }
    this.sent += bytes.length;
    response.end(bytes);
  }
}
