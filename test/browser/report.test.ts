import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { BIN, folder, ROWS, recipe } from '../cli/recipe.js';
import { launch, noBrowser } from './chromium.js';

const ref = (path: string): string => `"\${{ steps.${path.replace('.', '.outputs.')} }}"`;

/** Everything that a report shows, small. */
const RECIPE = `version: 1
name: small
description: A report with all that a report has.
params: { updates: { type: integer, default: 6 } }
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: rows.jsonl, data: { permission: any, licence: CC0-1.0 } }
      deduplicate: { near: null }
      split: { train: 0.5, validation: 0.2, test: 0.3 }
      quality: [{ type: length, max_characters: 63 }]
  tokenizer:
    uses: train-tokenizer
    with: { data: ${ref('corpus.train')}, vocabulary: 150 }
  teacher:
    uses: train
    with:
      data: ${ref('corpus.train')}
      tokenizer: ${ref('tokenizer.tokenizer')}
      model: { type: bert, layers: 1, hidden: 16, heads: 2, max_length: 16 }
      stages: [{ objectives: [hard-label], updates: 4 }]
  student:
    uses: train
    with:
      data: ${ref('corpus.train')}
      validation: ${ref('corpus.validation')}
      tokenizer: ${ref('tokenizer.tokenizer')}
      teacher: ${ref('teacher.model')}
      model: { type: bert, layers: 1, hidden: 8, heads: 2, max_length: 16 }
      stages:
        - objectives:
            - { type: soft-label, weight: { from: 1, to: 0.5, schedule: cosine }, temperature: { from: 4, to: 1, schedule: linear } }
            - { type: hard-label, weight: { from: 0, to: 0.5, schedule: linear } }
          updates: "\${{ params.updates }}"
          validate: { every: 2 }
  chosen:
    uses: choose-data
    with: { data: ${ref('corpus.train')}, rows: 6, by: k-centre }
  words:
    uses: train
    with: { data: ${ref('corpus.train')}, model: { type: logistic } }
  report:
    uses: evaluate
    with:
      data: ${ref('corpus.test')}
      teacher: ${ref('teacher.model')}
      students: [${ref('student.model')}]
      baseline: ${ref('words.model')}
      expect: { size_ratio: "<= 1" }
`;

const FUNNEL = 'Rows that are left, and what took the others';
const MAP = 'Rows and those that were chosen; holes are named by their words';

/** Complaints of a page: errors on its console, and requests to anywhere but `allowed`. */
function complaintsOf(page: Page, allowed: string): string[] {
  const found: string[] = [];
  page.on('pageerror', (error) => found.push(error.message));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && found.push(message.text()));
  page.on('request', (request) => !request.url().startsWith(allowed) && found.push(request.url()));
  return found;
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds wrong: contrast, names of regions and charts, order of headings. */
async function axe(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = (await page.evaluate('axe.run()')) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}

test.skipIf(noBrowser)(
  'a run ends with a report that opens from disk: whole on a phone, light and dark, accessible, asking nobody',
  { timeout: 240_000 },
  async () => {
    const here = folder({ 'small.yaml': RECIPE, 'rows.jsonl': ROWS });
    const ran = await recipe(here, ['run', 'small.yaml', '--reporter', 'plain']);
    expect(ran.code, ran.err + ran.out).toBe(0);
    const written = /report → (\S+)/.exec(ran.out)?.[1] as string;
    const again = await recipe(here, ['report', '--to', 'again.html']);
    expect(again.out).toBe('again.html\n');
    expect(readFileSync(join(here, 'again.html'), 'utf8').length).toBeGreaterThan(50_000);

    const page = await (await launch()).newPage();
    const address = pathToFileURL(join(here, written)).href;
    const complaints = complaintsOf(page, address);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [390, 1200]) {
        await page.setViewportSize({ width, height: 844 });
        await page.goto(address);
        const seen = (await page.evaluate(
          `({ wide: document.documentElement.scrollWidth, back: getComputedStyle(document.documentElement).backgroundColor,
              line: getComputedStyle(document.querySelector('figure svg path[stroke^="var(--c1)"]')).stroke,
              empty: [...document.querySelectorAll('figure svg')].filter((svg) => svg.getBoundingClientRect().height < 40).length })`,
        )) as Record<string, unknown>;
        expect(seen).toEqual(
          colorScheme === 'light'
            ? { wide: width, back: 'rgb(255, 255, 255)', line: 'rgb(31, 95, 191)', empty: 0 }
            : { wide: width, back: 'rgb(20, 23, 27)', line: 'rgb(122, 179, 255)', empty: 0 },
        );
      }
      await page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true");
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(1200);
      expect(await axe(page)).toEqual([]);
    }
    const sections = await page.locator('h2').allTextContents();
    expect(sections).toEqual([
      'What was asked',
      'Results',
      'Confusion',
      'Calibration',
      'Cost',
      'Training',
      'Data',
      'Coverage',
      'Steps',
      'Provenance',
    ]);
    const charts = await page.locator('figcaption').allTextContents();
    for (const title of [
      'Weight of each objective',
      'Schedule: temperature',
      'Learning rate',
      'When each step ran',
      FUNNEL,
      MAP,
    ]) {
      expect(charts).toContain(title);
    }
    expect(await page.locator('pre').textContent()).toBe(RECIPE);
    expect(complaints).toEqual([]);
  },
);

test.skipIf(noBrowser)(
  'recipe report --live follows a run to its end, and speaks to this machine alone',
  { timeout: 240_000 },
  async () => {
    const here = folder({ 'small.yaml': RECIPE, 'rows.jsonl': ROWS });
    const run = spawn(process.execPath, [BIN, 'run', 'small.yaml', '--set', 'params.updates=40'], { cwd: here });
    onTestFinished(() => void run.kill('SIGKILL'));
    const ended = new Promise<number | null>((resolve) => run.on('close', resolve));
    await new Promise<void>((begun) => run.stdout.once('data', () => begun()));

    const live = spawn(process.execPath, [BIN, 'report', '--live'], { cwd: here });
    onTestFinished(() => void live.kill('SIGKILL'));
    const closed = new Promise<number | null>((resolve) => live.on('close', resolve));
    live.stderr.setEncoding('utf8').on('data', (text: string) => process.stderr.write(text));
    const url = await new Promise<string>((resolve) =>
      live.stdout.setEncoding('utf8').on('data', (text: string) => resolve(/http:\S+/.exec(text)?.[0] as string)),
    );

    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
    const { request } = await import('node:http');
    const elsewhere = await new Promise<number | undefined>((resolve) =>
      request(url, { headers: { host: 'evil.example' } }, ({ statusCode }) => resolve(statusCode)).end(),
    );
    expect(elsewhere).toBe(403);

    const page = await (await launch()).newPage();
    const complaints = complaintsOf(page, url);
    await page.goto(url);
    expect(await page.locator('.status').textContent()).toBe('running');
    await page.locator('#provenance summary').first().click();
    await page.locator('.status.ok').waitFor({ timeout: 200_000 });
    // It was unfolded, and the page has been made anew since then.
    expect(await page.locator('#provenance details').first().getAttribute('open')).toBe('');
    expect(await page.locator('h2').allTextContents()).toContain('Results');
    expect(complaints).toEqual([]);
    expect(await ended).toBe(0);
    expect(await closed).toBe(0);
    const late = await recipe(here, ['report', '--live']);
    expect([late.code, late.err]).toEqual([2, expect.stringContaining('has ended; write its report: recipe report')]);
  },
);
