import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type ChatBody, completionOf, type ServerOptions, send } from './server.js';

/** One request of a batch's file. */
export interface BatchLine {
  custom_id: string;
  method: string;
  url: string;
  body: ChatBody;
}

export interface SeenBatch {
  readonly id: string;
  readonly lines: readonly BatchLine[];
  readonly metadata: Record<string, string>;
}

/** What is done with a call: `cut`: nothing, and nobody hears of it; `cut-after`: what it asks, and nobody hears of it. */
export type CallFault = 'cut' | 'cut-after' | number;

export interface BatchOptions extends Pick<ServerOptions, 'answer'> {
  /** What the n-th batch (from 0) ends with; `undefined`: completed. `expired` leaves out what `result` says. */
  status?: (batch: number) => 'completed' | 'expired' | 'failed' | undefined;
  /** A line of the result in place of the answer; null: none. */
  result?: (body: ChatBody, batch: number) => { status?: number; body?: unknown; error?: unknown } | null | undefined;
  /** How often a batch is said to be under way. */
  polls?: number;
  fault?: (call: string, count: number) => CallFault | undefined;
}

/** A real HTTP server with OpenAI's Batch API: `/files` and `/batches`. */
export class BatchServer {
  readonly batches: SeenBatch[] = [];
  /** Calls as `POST /files`, in their order. */
  readonly calls: string[] = [];
  /** Tokens of all that was answered. */
  billed = 0;
  private readonly files = new Map<string, string>();
  private made = 0;
  private readonly states = new Map<string, Record<string, unknown>>();
  private readonly polled = new Map<string, number>();
  private readonly server: Server;

  private constructor(public options: BatchOptions) {
    this.server = createServer((request, response) => {
      void this.handle(request, response).catch(() => response.destroy());
    });
  }

  static async start(options: BatchOptions): Promise<BatchServer> {
    const made = new BatchServer(options);
    made.server.listen(0, '127.0.0.1');
    await once(made.server, 'listening');
    onTestFinished(async () => {
      made.server.closeAllConnections();
      await new Promise((resolve) => made.server.close(resolve));
    });
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** Names of files that are kept here. */
  get kept(): string[] {
    return [...this.files.keys()];
  }

  /** Every question, in all batches. */
  get asked(): string[] {
    return this.batches.flatMap(({ lines }) => lines.map(({ body }) => JSON.stringify(body)));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { pathname, searchParams } = new URL(request.url as string, 'http://localhost');
    const path = pathname.replace(/^\/v1/, '');
    const call = `${request.method} ${path.replace(/(file|batch)_\d+/, ':id')}`;
    const fault = this.options.fault?.(call, this.calls.filter((each) => each === call).length);
    this.calls.push(call);
    if (fault === 'cut') return void response.destroy();
    if (typeof fault === 'number') return send(response, fault, { error: { message: 'not now' } });
    const result = await this.answer(call, path, searchParams, Buffer.concat(parts), request.headers['content-type']);
    if (fault === 'cut-after') return void response.destroy();
    send(response, result === undefined ? 404 : 200, result ?? { error: { message: `no ${call}` } });
  }

  private async answer(call: string, path: string, query: URLSearchParams, body: Buffer, type: string | undefined) {
    const id = /(?:file|batch)_\d+/.exec(path)?.[0] ?? '';
    switch (call) {
      case 'POST /files': {
        const form = await new Response(body, { headers: { 'content-type': type ?? '' } }).formData();
        return { id: this.keep(await (form.get('file') as File).text()), object: 'file', purpose: form.get('purpose') };
      }
      case 'GET /files/:id/content':
        return this.files.get(id);
      case 'DELETE /files/:id':
        return { id, object: 'file', deleted: this.files.delete(id) };
      case 'POST /batches':
        return this.create(JSON.parse(body.toString()) as { input_file_id: string; metadata: Record<string, string> });
      case 'GET /batches': {
        const all = [...this.states.values()].reverse();
        const after = all.findIndex((batch) => batch.id === query.get('after')) + 1;
        // Small pages, so that there are several.
        return { object: 'list', data: all.slice(after, after + 2), has_more: all.length > after + 2 };
      }
      case 'GET /batches/:id': {
        const count = this.polled.get(id) ?? 0;
        this.polled.set(id, count + 1);
        const state = this.states.get(id);
        return count < (this.options.polls ?? 0) ? { ...state, status: 'in_progress' } : state;
      }
      default:
        return undefined;
    }
  }

  private create({ input_file_id, metadata }: { input_file_id: string; metadata: Record<string, string> }) {
    const n = this.batches.length;
    const id = `batch_${n}`;
    const lines = linesOf<BatchLine>(this.files.get(input_file_id) as string);
    this.batches.push({ id, lines, metadata });
    const status = this.options.status?.(n) ?? 'completed';
    const [good, bad]: [string[], string[]] = [[], []];
    for (const { custom_id, body } of status === 'failed' ? [] : lines) {
      const other = this.options.result?.(body, n);
      if (other === null) continue;
      const completion = completionOf(body, { answer: this.options.answer });
      const { status: code = 200, body: said = completion.body, error = null } = other ?? {};
      if (code === 200 && error === null) this.billed += completion.prompt + completion.completion;
      const response = error === null ? { status_code: code, request_id: 'req_1', body: said } : null;
      (code === 200 && error === null ? good : bad).push(JSON.stringify({ id: 'r', custom_id, response, error }));
    }
    const state = {
      id,
      object: 'batch',
      endpoint: '/v1/chat/completions',
      input_file_id,
      completion_window: '24h',
      status,
      created_at: 1_795_478_400,
      metadata,
      request_counts: { total: lines.length, completed: good.length, failed: bad.length },
      ...(good.length > 0 ? { output_file_id: this.keep(`${good.join('\n')}\n`) } : {}),
      ...(bad.length > 0 ? { error_file_id: this.keep(`${bad.join('\n')}\n`) } : {}),
      ...(status === 'failed' ? { errors: { data: [{ code: 'bad', message: 'line 1 is not JSON', line: 1 }] } } : {}),
    };
    this.states.set(id, state);
    return { ...state, status: 'validating', output_file_id: null, error_file_id: null };
  }

  private keep(text: string): string {
    const id = `file_${this.made++}`;
    this.files.set(id, text);
    return id;
  }
}

const linesOf = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
