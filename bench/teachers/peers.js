import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SYSTEM } from './ours.js';

/** Made by `bash bench/teachers/install.sh`. */
export const PYTHON = fileURLToPath(new URL('.venv/bin/python', import.meta.url));
const SCRIPT = fileURLToPath(new URL('peers.py', import.meta.url));

/**
 * The same work by a Python tool, in an empty folder.
 *
 * @param {'distilabel' | 'curator'} tool
 * @returns seconds of the tool's call and of the whole command, and the largest resident size of its processes
 */
export async function askBy(tool, folder, { rows, baseUrl, concurrency }) {
  await mkdir(folder, { recursive: true });
  const began = performance.now();
  const args = ['-W', 'ignore', SCRIPT, tool, rows, baseUrl, String(concurrency), SYSTEM];
  const { stdout } = await promisify(execFile)(PYTHON, args, { cwd: folder, maxBuffer: 2 ** 28 });
  return { command: (performance.now() - began) / 1000, ...JSON.parse(stdout.trim().split('\n').at(-1)) };
}

/** @returns {Promise<string>} what is compared, with versions */
export async function versions() {
  const script = `
import platform
from importlib.metadata import version
print("Python", platform.python_version() + ",", ", ".join(f"{n} {version(n)}" for n in ["distilabel", "bespokelabs-curator", "openai", "httpx", "aiohttp"]))`;
  return (await promisify(execFile)(PYTHON, ['-c', script])).stdout.trim();
}
