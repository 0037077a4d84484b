import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import packed from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';
import { onTestFinished } from 'vitest';

/** The package's browser is for Linux. */
export const noBrowser = process.platform !== 'linux' && process.env.CHROME_PATH === undefined;

/** A browser: that of `CHROME_PATH`, or the one that an npm package brings for Linux. */
export async function launch(): Promise<Browser> {
  const { CHROME_PATH } = process.env;
  const browser = await chromium.launch({
    executablePath: CHROME_PATH ?? (await packed.executablePath()),
    args: CHROME_PATH === undefined ? packed.args : [],
    headless: true,
  });
  onTestFinished(() => browser.close());
  return browser;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Serves a folder's files at 127.0.0.1, as `npx serve` does; its address, with a slash at the end. */
export async function serveFolder(folder: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://host').pathname));
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    return createReadStream(file).pipe(response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
