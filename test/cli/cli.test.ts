import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BIN, folder, ROWS, recipe, TINY } from './recipe.js';

const here = folder();
const tiny = () => folder({ 'r.yaml': TINY, 'rows.jsonl': ROWS });

describe('usage', () => {
  test('--version and --help', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await recipe(here, ['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' });
    const help = await recipe(here, ['--help']);
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain('Exit codes: 0 ok, 1 a step failed, 2 bad recipe or usage, 130 interrupted.');
  });

  test.each(['run', 'resume', 'validate', 'plan', 'graph', 'status', 'steps', 'serve'])(
    '%s --help has an example',
    async (command) => {
      const { code, out } = await recipe(here, [command, '--help']);
      expect(code).toBe(0);
      expect(out).toContain(`Example:\n  $ recipe ${command}`);
    },
  );

  test.each([
    [['rum'], "error: unknown command 'rum'\n(Did you mean run?)\n(add --help for how to use it)\n"],
    [['run'], "error: missing required argument 'file'\n(add --help for how to use it)\n"],
    [
      ['run', 'r.yaml', '--thread', '2'],
      "error: unknown option '--thread'\n(Did you mean --threads?)\n(add --help for how to use it)\n",
    ],
    [
      ['run', 'r.yaml', '--threads', '0'],
      "error: option '--threads <n>' argument '0' is invalid. Expected a whole number, 1 or more.\n(add --help for how to use it)\n",
    ],
    [
      ['validate', 'r.yaml', '--set', 'epochs'],
      'error: --set epochs: expected name=value, such as --set params.epochs=1\n',
    ],
    [['steps', 'trian'], 'error: there is no step "trian". Did you mean "train"?\n'],
    [['resume', 'r7'], 'error: there is no run "r7" under .recipe/runs\n'],
    [
      ['resume'],
      'error: nothing to resume: no run in this folder yet (.recipe/ is empty or missing). Start one: recipe run <file>\n',
    ],
    [
      ['status'],
      'error: no run in this folder yet (.recipe/ is empty or missing); name a recipe: recipe status <file>\n',
    ],
  ])('%j is refused with exit code 2', async (args, err) => {
    expect(await recipe(here, args)).toEqual({ code: 2, out: '', err });
  });
});

describe('reading recipes', () => {
  test('validate counts the steps', async () => {
    expect(await recipe(tiny(), ['validate', 'r.yaml'])).toEqual({ code: 0, out: 'OK: 3 steps\n', err: '' });
  });

  test.each([['validate'], ['graph'], ['run'], ['status']])(
    '%s prints all errors to stderr, exit code 2',
    async (command) => {
      const bad = TINY.replace('uses: train', 'uses: trian').replace('sample-data', 'simple-data');
      const { code, out, err } = await recipe(folder({ 'r.yaml': bad, 'rows.jsonl': ROWS }), [command, 'r.yaml']);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(/^r\.yaml:7:11 error: .*"simple-data"/);
      expect(err).toMatch(/\nr\.yaml:10:11 error: .*"trian".*Did you mean "train"\?/);
      expect(err).toMatch(/\n\n2 errors\n$/);
      expect(err).not.toContain('    at ');
    },
  );

  test('graph: mermaid', async () => {
    const { out } = await recipe(tiny(), ['graph', 'r.yaml']);
    expect(out).toBe(`flowchart LR
  n0["corpus<br/><small>sample-data</small>"]
  subgraph g1["model"]
    n1["model[seed=1]<br/><small>train</small>"]
    n2["model[seed=2]<br/><small>train</small>"]
  end
  n0 --> n1
  n0 --> n2
`);
  });

  test('graph: dot', async () => {
    const { out } = await recipe(tiny(), ['graph', 'r.yaml', '--format', 'dot']);
    expect(out).toContain('  subgraph cluster_1 {\n    label="model";\n    n1 [label="model[seed=1]\\ntrain"];');
    expect(out).toContain('  n0 -> n2;\n}\n');
  });
});

describe('steps', () => {
  test('lists every step with what goes in and out', async () => {
    const { code, out } = await recipe(here, ['steps']);
    expect(code).toBe(0);
    for (const name of ['sample-data', 'train-tokenizer', 'train', 'cache-logits', 'evaluate']) {
      expect(out).toMatch(new RegExp(`^${name}  \\((compute|io|network)\\)$`, 'm'));
    }
    expect(out).toContain('  teacher: model, data: dataset → logits: logits');
  });

  test('one step: nested options, members of a union, defaults, bounds, an example', async () => {
    const { code, out } = await recipe(here, ['steps', 'train']);
    expect(code).toBe(0);
    expect(out).toContain('\n  batch_size: integer, >= 1, default 32\n      Rows that are computed at once.\n');
    expect(out).toContain('\n      type: bert - ');
    expect(out).toMatch(/\n {10}layers: integer, >= 1, required\n/);
    expect(out).toMatch(
      /\nExample\n {2}steps:\n {4}my-train:\n {6}uses: train\n {6}with:\n {8}data: \$\{\{ steps\.my-sample-data\.outputs\.train \}\}\n/,
    );
  });
});

describe('running', () => {
  test('run, status, resume; then nothing is left to do', async () => {
    const cwd = tiny();
    const first = await recipe(cwd, ['run', 'r.yaml', '--set', 'params.features=50']);
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toMatch(
      /\ntiny: ok in .* \(3 steps\)\n {2}model → .*out\/tiny\/model\n {2}report → \.recipe\/runs\/\S+\/report\.html\n$/,
    );
    expect((await recipe(cwd, ['status'])).out).toBe(
      'tiny  r.yaml --set params.features=50\n  corpus         done\n  model[seed=1]  done\n  model[seed=2]  done\n',
    );
    expect((await recipe(cwd, ['status', 'r.yaml'])).out).toContain(
      'model[seed=1]  to run: changed: option "model.max_features": 50 → 100\n',
    );
    const again = await recipe(cwd, ['resume']);
    expect(again).toMatchObject({ code: 0, out: '' });
    expect(again.err).toMatch(
      /^run \S+ ended well; there is nothing to resume\. To run it again: recipe run r\.yaml\n$/,
    );
    const json = await recipe(cwd, ['run', 'r.yaml', '--set', 'params.features=50', '--reporter', 'json']);
    const events = json.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.at(0).type).toBe('run-started');
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'ok' });
    expect(events.filter(({ type }) => type === 'step-finished').every(({ cached }) => cached)).toBe(true);
  });

  test('a failed step: which, why, where its log is, how to go on; and resume goes on', async () => {
    const cwd = tiny();
    writeFileSync(join(cwd, 'rows.jsonl'), '{"text": \n');
    const failed = await recipe(cwd, ['run', 'r.yaml', '--reporter', 'json']);
    expect(failed.code).toBe(1);
    const lines = failed.err.trimEnd().split('\n');
    expect(lines[1]).toMatch(/^r\.yaml:6:3 error: step "corpus" \(sample-data\) failed: /);
    expect(lines.at(-1)).toBe('Go on with: recipe resume');
    const log = lines.find((line) => line.startsWith('  log: '))?.slice(7) ?? '';
    expect(existsSync(join(cwd, log))).toBe(true);
    const report = join(cwd, dirname(log), 'report.html');
    expect(readFileSync(report, 'utf8')).toContain('<strong class="bad">corpus</strong> failed');
    // Where it cannot be written, the run is none the worse.
    rmSync(report);
    mkdirSync(report);

    writeFileSync(join(cwd, 'rows.jsonl'), ROWS);
    const later = new Date(Date.now() + 5000);
    utimesSync(join(cwd, 'r.yaml'), later, later);
    const resumed = await recipe(cwd, ['resume']);
    expect(resumed.code).toBe(0);
    expect(resumed.err).toMatch(
      /^resuming run \S+ of r\.yaml: 0 of 3 steps done, failed at corpus\nr\.yaml has changed since that run began; going on with it as it is now\nwarning: the report of this run could not be written: .*\n$/,
    );
    expect(resumed.out).toMatch(/^tiny: resumed, 3 steps, run /);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops it with exit code 130', async (signal) => {
    const cwd = tiny();
    const child = spawn(process.execPath, [BIN, 'run', 'r.yaml', '--reporter', 'plain'], { cwd });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (!out.includes('started sample-data') && (out + text).includes('started sample-data')) child.kill(signal);
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(out).toContain('stopping after a checkpoint …\n');
    expect(code).toBe(130);
    expect(err).toBe('\nGo on with: recipe resume\n');
    expect((await recipe(cwd, ['resume'])).code).toBe(0);
  });

  test('a reader that goes away is no crash', async () => {
    const child = spawn('sh', ['-c', `"${process.execPath}" "${BIN}" steps train | head -n 1`], { cwd: here });
    let all = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (all += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (all += text));
    await new Promise((resolve) => child.on('close', resolve));
    expect(all).toBe('train\n');
  });
});
