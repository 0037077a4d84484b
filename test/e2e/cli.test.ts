import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Event } from '../../src/engine/event.js';
import { folder, type Outcome, recipe } from '../cli/recipe.js';
import { digests } from '../steps/context.js';
import { Live } from './live.js';
import { SMALL, smallFolder, texts } from './small.js';

/** A folder in which `small.yaml` has run to its end; tests change copies of it. */
let done: string;
let events: readonly Event[];

beforeAll(async () => {
  done = smallFolder();
  const live = Live.cli(done, ['run', 'small.yaml', '--threads', '1']);
  expect(await live.exit, live.err).toBe(0);
  events = live.events;
}, 60_000);

function copy(): string {
  const path = folder();
  cpSync(done, path, { recursive: true });
  return path;
}

/** `cached corpus`, `finished student`, `failed …`, `skipped …`, in order. */
const story = (all: readonly Event[]): string[] =>
  all.flatMap((event) => {
    if (event.type === 'step-finished') return [`${event.cached ? 'cached' : 'finished'} ${event.step}`];
    return event.type === 'step-failed' || event.type === 'step-skipped'
      ? [`${event.type.slice(5)} ${event.step}`]
      : [];
  });

/** Every file below a folder. */
const files = (path: string): string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((name) => statSync(name).isFile());

const json = ({ out }: Outcome): Event[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);

describe('a finished run', () => {
  test('leaves no checkpoint behind', () => {
    expect(events.some(({ type }) => type === 'step-checkpoint')).toBe(true);
    const left = files(join(done, '.recipe')).filter((path) => /refs.checkpoints|store.scratch/.test(path));
    expect(left).toEqual([]);
    const kinds = files(join(done, '.recipe'))
      .filter((path) => path.endsWith('manifest.json'))
      .map((path) => (JSON.parse(readFileSync(path, 'utf8')) as { kind: string }).kind);
    expect([...new Set(kinds)].sort()).toEqual(['dataset', 'history', 'logits', 'model', 'report', 'tokenizer']);
  });

  test('does nothing when run again, says so, and takes no second', async () => {
    const before = await digests(join(done, '.recipe/store/artifacts'));
    const { code, out, err } = await recipe(done, ['run', 'small.yaml']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).not.toContain('started train');
    // The run's own time: how long a process takes to start is the machine's affair.
    expect(out).toMatch(
      /\nsmall: ok in 0\.\d s \(8 steps, 8 up to date\)\n {2}student → .*out\/small\/student\n {2}report → .*report\.html\n$/,
    );
    expect(await digests(join(done, '.recipe/store/artifacts'))).toEqual(before);
  });

  test('with one option changed: that step and what depends on it run, and status says why', async () => {
    const cwd = copy();
    const set = ['--set', 'params.student_updates=10'];
    const status = (await recipe(cwd, ['status', 'small.yaml', ...set])).out;
    expect(status.split('\n').filter((line) => line !== '' && !line.endsWith('  done'))).toEqual([
      'small  small.yaml --set params.student_updates=10',
      '  student    to run: changed: option "stages[1].updates": 40 → 10',
      '  report     waiting: depends on student',
    ]);
    const live = Live.cli(cwd, ['run', 'small.yaml', '--threads', '1', ...set]);
    expect(await live.exit, live.err).toBe(0);
    const cached = ['corpus', 'tokenizer', 'teacher', 'logits', 'baseline', 'yardstick'];
    expect(story(live.events).sort()).toEqual(
      [...cached.map((step) => `cached ${step}`), 'finished student', 'finished report'].sort(),
    );
    const why = live.events.flatMap((event) => (event.type === 'step-started' ? [[event.step, event.why]] : []));
    expect(why).toEqual([
      ['student', { reason: 'changed', changes: ['option "stages[1].updates": 40 → 10'] }],
      ['report', { reason: 'changed', changes: ['input "students"'] }],
    ]);
    // And back again: nothing to do, and the copied output is the old one.
    const back = await recipe(cwd, ['run', 'small.yaml']);
    expect(back.out).toContain('(8 steps, 8 up to date)');
    expect(await digests(join(cwd, 'out/small'))).toEqual(await digests(join(done, 'out/small')));
  });

  test('whose logits have a wrong byte says so when it is read, and computes that shard again', async () => {
    const cwd = copy();
    const made = events.flatMap((e) => (e.type === 'step-finished' && e.step === 'logits' ? [e.outputs.logits] : []));
    const { digest } = made[0] as { digest: string };
    const artifact = join(cwd, '.recipe/store/artifacts', digest.slice(0, 2), digest);
    const shard = readFileSync(join(artifact, 'shard-00003.safetensors'));
    const shared = files(join(cwd, '.recipe/store/shared/logits')).find((path) =>
      readFileSync(path).equals(shard),
    ) as string;
    shard[5000] = (shard[5000] as number) ^ 1;
    // One file in the workplace; the copy of it has two.
    for (const path of [join(artifact, 'shard-00003.safetensors'), shared]) writeFileSync(path, shard);

    const args = ['run', 'small.yaml', '--threads', '1', '--set', 'params.student_updates=10'];
    const failed = await recipe(cwd, args);
    expect(failed.code).toBe(1);
    expect(failed.err).toContain(
      `small.yaml:31:3 error: step "student" (train) failed: shard-00003.safetensors of the teacher's logits is damaged: its bytes are not those that were written. Run the recipe again: it makes the logits anew, computing only what is damaged.`,
    );
    const live = Live.cli(cwd, args);
    expect(await live.exit, live.err).toBe(0);
    const ran = ['finished logits', 'finished student', 'finished report'];
    expect(story(live.events).filter((line) => !line.startsWith('cached'))).toEqual(ran);
    expect(live.events.find((e) => e.type === 'step-log' && e.step === 'logits' && e.level === 'info')).toMatchObject({
      message: '1664 of 1920 texts were computed in an earlier run',
    });
    // It is the same artifact, so what follows it would not have run again.
    const again = live.events.find((e) => e.type === 'step-finished' && e.step === 'logits');
    expect(again).toMatchObject({ outputs: { logits: { digest } } });
  });

  test.each([
    ['missing', (path: string) => rmSync(path)],
    ['cut off', (path: string) => truncateSync(path, 1000)],
  ])('whose artifact has a file %s makes it again', async (_, damage) => {
    const cwd = copy();
    const model = events.flatMap((e) => (e.type === 'step-finished' && e.step === 'student' ? [e.outputs.model] : []));
    const { digest } = model[0] as { digest: string };
    damage(join(cwd, '.recipe/store/artifacts', digest.slice(0, 2), digest, 'model.safetensors'));
    const status = await recipe(cwd, ['status', 'small.yaml']);
    expect(status.out).toContain('student    to run: changed: output "model" is not in the store\n');
    const live = Live.cli(cwd, ['run', 'small.yaml', '--threads', '1']);
    expect(await live.exit, live.err).toBe(0);
    expect(story(live.events).filter((line) => !line.startsWith('cached'))).toEqual(['finished student']);
    expect(await digests(join(cwd, 'out/small'))).toEqual(await digests(join(done, 'out/small')));
    expect(await digests(join(cwd, '.recipe/store/artifacts'))).toEqual(
      await digests(join(done, '.recipe/store/artifacts')),
    );
  });
});

test('a step that fails: exit code 1, file and line; what does not depend on it finishes', async () => {
  const rows = texts(100);
  const bad = rows.split('\n').with(41, '{"text": "no end').join('\n');
  const corpus = (file: string): string =>
    `{ uses: sample-data, with: { source: { type: jsonl, path: ${file} }, deduplicate: { near: null } } }`;
  const model = (from: string): string =>
    `{ uses: train, with: { data: "\${{ steps.${from}.outputs.train }}", model: { type: logistic } } }`;
  const cwd = folder({
    'good.jsonl': rows,
    'bad.jsonl': bad,
    'r.yaml': `version: 1\nname: two\nsteps:\n  bad: ${corpus('bad.jsonl')}\n  bad-model: ${model('bad')}\n  good: ${corpus('good.jsonl')}\n  good-model: ${model('good')}\n`,
  });
  const result = await recipe(cwd, ['run', 'r.yaml', '--reporter', 'json']);
  expect(result.code).toBe(1);
  const all = json(result);
  expect(story(all).sort()).toEqual(['failed bad', 'finished good', 'finished good-model', 'skipped bad-model']);
  const run = (all[0] as { run: string }).run;
  expect(result.err).toBe(
    `
r.yaml:4:3 error: step "bad" (sample-data) failed: ${join(cwd, 'bad.jsonl')}:42: not valid JSON. Each line has to be one JSON object.
  |
4 |   bad: ${corpus('bad.jsonl')}
  |   ^^^
  log: .recipe/runs/${run}/events.jsonl
Go on with: recipe resume
`,
  );
});

describe('stopping', () => {
  test('Ctrl-C once: exit code 130, and resume ends with the same bytes; a second run beside it is refused', async () => {
    const cwd = smallFolder();
    const live = Live.cli(cwd, ['run', 'small.yaml', '--threads', '1']);
    await live.until((all) => all.some(({ type }) => type === 'step-started'));
    const other = await recipe(cwd, ['run', 'small.yaml']);
    expect({ ...other, err: other.err.replace(/\d+\)/, 'N)') }).toEqual({
      code: 2,
      out: '',
      err: `error: another run is under way in ${join(cwd, '.recipe')} (process N)\n`,
    });
    expect(await live.until((all) => all.some((e) => e.type === 'step-progress' && e.step === 'student'))).toBe(true);
    live.signal('SIGINT');
    expect(await live.exit).toBe(130);
    expect(live.err).toBe('\nGo on with: recipe resume\n');
    expect(live.events.at(-1)).toMatchObject({ type: 'run-finished', status: 'interrupted' });
    // Nothing but events, one a line.
    expect(live.lines.map((line) => JSON.parse(line))).toEqual(live.events);

    const resumed = await recipe(cwd, ['resume', '--reporter', 'json']);
    expect(resumed.code).toBe(0);
    expect(resumed.err).toMatch(/^resuming run \S+ of small\.yaml: \d of 8 steps done, interrupted at student\n$/);
    expect(json(resumed).find((e) => e.type === 'step-started')).toMatchObject({
      step: 'student',
      why: { reason: 'resume' },
    });
    expect(await digests(join(cwd, 'out'))).toEqual(await digests(join(done, 'out')));
    expect(await digests(join(cwd, '.recipe/store/artifacts'))).toEqual(
      await digests(join(done, '.recipe/store/artifacts')),
    );
  });

  test('Ctrl-C twice: at once, also within an update of many seconds', async () => {
    const cwd = folder({
      'rows.jsonl': texts(400).replaceAll(/"text":"([^"]*)"/g, (_, text: string) => `"text":"${`${text} `.repeat(9)}"`),
      'small.yaml': SMALL.replace(
        'layers: 2, hidden: 32, heads: 2, intermediate: 64, max_length: 16',
        'layers: 8, hidden: 512, heads: 8, max_length: 128',
      )
        .replace('updates: 40, learning_rate: 2.0e-3 }]', 'updates: 40 }]\n      batch_size: 128')
        // So large a teacher has layers that the student's objectives do not fit.
        .replace(/- \{ type: hidden-states.*\n.*- \{ type: attention.*/, '- soft-label'),
    });
    const live = Live.cli(cwd, ['run', 'small.yaml', '--threads', '1']);
    const training = (all: readonly Event[]): boolean =>
      all.some((e) => e.type === 'step-started' && e.step === 'teacher');
    expect(await live.until(training), live.err).toBe(true);
    await sleep(500);
    live.signal('SIGINT');
    await sleep(600);
    expect(live.events.at(-1)?.type).toBe('run-stopping');
    const since = performance.now();
    live.signal('SIGINT');
    expect(await live.exit).toBe(130);
    expect(performance.now() - since).toBeLessThan(2000);
    expect(live.events.filter(({ type }) => type === 'step-interrupted')).toMatchObject([{ step: 'teacher' }]);
  });
});

test.each([
  ['ends well', '"ham"', 0],
  ['fails over it', '["ham"]', 1],
])('the value of an environment variable is nowhere, where the run %s', async (_, label, code) => {
  const FIELD = 'zebra-quartz-17';
  const rows = texts(60).replaceAll('"label"', `"${FIELD}"`).replace(`"${FIELD}":"ham"`, `"${FIELD}":${label}`);
  const source = `{ type: jsonl, path: rows.jsonl, label: "\${{ env.RECIPE_E2E_FIELD }}" }`;
  const cwd = folder({
    'rows.jsonl': rows,
    'r.yaml': `version: 1\nname: secret\nsteps:\n  corpus: { uses: sample-data, with: { source: ${source}, deduplicate: { near: null } } }\noutputs: { train: "\${{ steps.corpus.outputs.train }}" }\n`,
  });
  const result = await recipe(cwd, ['run', 'r.yaml', '--reporter', 'json'], { RECIPE_E2E_FIELD: FIELD });
  expect(result.code, result.err).toBe(code);
  if (code === 1) expect(result.err).toContain('field "***" has to be a string, number, boolean or null, got an array');
  else expect(readFileSync(join(cwd, 'out/secret/train/dataset.json'), 'utf8')).toContain('"ham"');
  const written = files(cwd).filter((path) => !path.endsWith(join(cwd, 'rows.jsonl')));
  expect(written.length).toBeGreaterThan(code === 1 ? 3 : 6);
  for (const path of written) expect(readFileSync(path, 'latin1'), path).not.toContain(FIELD);
  expect(result.out + result.err).not.toContain(FIELD);
});

test('what does not fit is told before anything is trained', async () => {
  const ref = (path: string): string => `\${{ steps.${path.replace('.', '.outputs.')} }}`;
  const student = 'type: bert, layers: 1, hidden: 16, heads: 2, max_length: 16';
  const states = '{ type: hidden-states, layer_map: uniform }';
  const scores = '{ type: attention, layer_map: uniform }';
  interface Sketch {
    readonly model?: string;
    readonly objectives?: string | null;
    readonly tokenizer?: string | null;
    readonly teacher?: string | null;
    readonly data?: string;
  }
  const step = (id: string, given: Sketch): string => {
    const { data, model, objectives, tokenizer, teacher } = {
      data: 'corpus.train',
      model: student,
      objectives: `${states}, ${scores}`,
      tokenizer: 'tokenizer.tokenizer',
      teacher: 'logits.logits',
      ...given,
    };
    return `  ${id}:
    uses: train
    with:
      data: ${ref(data)}
      model: { ${model} }
${tokenizer === null ? '' : `      tokenizer: ${ref(tokenizer)}\n`}${teacher === null ? '' : `      teacher: ${ref(teacher)}\n`}${objectives === null ? '' : `      stages: [{ objectives: [${objectives}], updates: 1 }]\n`}`;
  };
  const cases: readonly (readonly [id: string, given: Sketch, message: string])[] = [
    [
      'no-tokenizer',
      { tokenizer: null },
      `a bert model needs the input "tokenizer"
  Give it the output of a train-tokenizer step.`,
    ],
    [
      'no-stages',
      { objectives: null },
      `a bert model needs "stages": what to learn from, and for how long
  Add for example stages: [{ objectives: [hard-label] }].`,
    ],
    [
      'words',
      { tokenizer: 'other.tokenizer' },
      `the teacher's logits were made with another tokenizer than the student's
  Give the student the tokenizer that the teacher was trained with.`,
    ],
    [
      'length',
      { model: student.replace('max_length: 16', 'max_length: 12') },
      `the teacher read 16 tokens of a text, the student reads 12
  Give the student max_length: 16.`,
    ],
    ['one-label', { data: 'ham.train' }, 'a classifier needs at least two labels, and the data has 1'],
  ];
  const more = `  other: { uses: train-tokenizer, with: { data: "${ref('corpus.train')}", vocabulary: 120 } }
  ham: { uses: sample-data, with: { source: { type: jsonl, path: ham.jsonl }, deduplicate: { near: null } } }
${cases.map(([id, given]) => step(id, given)).join('')}outputs:`;
  const cwd = copy();
  writeFileSync(join(cwd, 'ham.jsonl'), texts(60).replaceAll('"spam"', '"ham"'));
  writeFileSync(join(cwd, 'small.yaml'), SMALL.replace('outputs:\n  student', `${more}\n  student`));
  const result = await recipe(cwd, ['run', 'small.yaml', '--reporter', 'json']);
  expect(result.code, result.err).toBe(1);
  const all = json(result);
  const run = (all[0] as { run: string }).run;
  const lines = readFileSync(join(cwd, 'small.yaml'), 'utf8').split('\n');
  const told = cases.map(([id, , message]) => {
    const line = lines.indexOf(`  ${id}:`) + 1;
    const text = message.replace('\n  ', '. ');
    const excerpt = `   |\n${line} |   ${id}:\n   |   ${'^'.repeat(id.length)}`;
    return `small.yaml:${line}:3 error: step "${id}" (train) failed: ${text}\n${excerpt}\n  log: .recipe/runs/${run}/events.jsonl\n`;
  });
  expect(result.err).toBe(`\n${told.join('')}Go on with: recipe resume\n`);
  expect(result.out).not.toContain('"unit":"updates"');
});
