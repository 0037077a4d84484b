import stringWidth from 'string-width';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Event } from '../../src/engine/event.js';
import { frameLines } from '../../src/ui/tty/frame.js';
import { lineText } from '../../src/ui/tty/layout.js';
import { rowsLost } from '../../src/ui/tty/resize.js';
import { at, begin, ended, fail, finish, fold, progress, started, table } from './events.js';
import { Terminal } from './terminal.js';

type MakeReporter = typeof import('../../src/ui/tty/reporter.js').ttyReporter;
let ttyReporter: MakeReporter;

beforeAll(async () => {
  // Ink draws no frames in CI; here it shall.
  process.env['CI'] = 'false';
  delete process.env['CONTINUOUS_INTEGRATION'];
  ({ ttyReporter } = await import('../../src/ui/tty/reporter.js'));
});

const losses = Array.from({ length: 9 }, (_, i) =>
  progress(1 + i, 'student[hidden=64,seed=12]', 10 * (i + 1), 400, { loss: 2 / (i + 1), phase: 'stage 1 of 2' }),
);
const events: Event[] = [
  started([
    ['corpus', 'sample-data'],
    ['student[hidden=64,seed=12]', 'train', 'corpus'],
    ['report', 'evaluate', 'student[hidden=64,seed=12]'],
  ]),
  finish(0, 'corpus', true),
  begin(0, 'student[hidden=64,seed=12]'),
  ...losses,
];
const frame = (columns: number, rows: number, ...more: Event[]): string[] =>
  frameLines(fold(...events, ...more), 1_010_000, { columns, rows }).map(lineText);

describe('the redrawn part', () => {
  test('has everything where there is room', () => {
    expect(frame(140, 30)).toEqual([
      '● student[hidden=64,seed=12]  train  ████▌░░░░░░░░░░░░░░░   90/400 updates   10.0/s  31 s left  loss 0.2222  █▄▃▂▂▁▁▁▁  412 MB  stage 1 of 2',
      '○ report                      evaluate, after student[hidden=64,seed=12]',
      '1/3 steps  10 s  tiny',
    ]);
  });

  test('drops columns by priority as it gets narrow', () => {
    expect(frame(80, 30)[0]).toBe('● student[hidden=64,seed=12]   90/400 updates  31 s left  loss 0.2222  █▄▃▂▂▁▁▁▁');
    expect(frame(50, 30)[0]).toBe('● studen…n=64,seed=12]   90/400 updates  31 s left');
    expect(frame(30, 30)[0]).toBe('● student…en=64,seed=12]   22%');
    expect(frame(20, 30)[0]).toBe('● stu…seed=12]   22%');
  });

  test('never exceeds the terminal', () => {
    for (let columns = 20; columns <= 160; columns++) {
      for (const line of frame(columns, 30)) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    }
  });

  test('is always lower than the terminal, whatever waits', () => {
    const many = started(Array.from({ length: 1000 }, (_, i) => [`s${i}`, 'train']));
    for (const rows of [3, 4, 10, 30]) {
      const view = fold(many, begin(0, 's7'), begin(0, 's8'));
      const lines = frameLines(view, 1_001_000, { columns: 60, rows }).map(lineText);
      expect(lines.length).toBeLessThan(rows);
      if (rows === 10) {
        expect(lines.slice(0, 3)).toEqual(['● s7  train  1.0 s', '● s8  train  1.0 s', '○ s0  train']);
        expect(lines.slice(-2)).toEqual(['… 993 more waiting', '0/1000 steps  1.0 s  tiny']);
      }
    }
  });

  test('says how to stop at once while it stops', () => {
    expect(frame(80, 30, at(9, { type: 'run-stopping' })).at(-1)).toBe(
      'stopping after a checkpoint … press Ctrl-C again to stop at once',
    );
  });
});

test('lines that a narrower terminal breaks are counted', () => {
  const line = (width: number) => [{ text: 'x'.repeat(width), tone: 'plain' as const }];
  expect(rowsLost([line(100), line(60), line(0), line(61)], 60)).toBe(2);
});

async function play(terminal: Terminal, color: boolean, ...stream: readonly (Event | (() => void))[]): Promise<void> {
  const reporter = ttyReporter(terminal.stream, { color });
  for (const event of stream) {
    if (typeof event === 'function') event();
    else reporter.event(event);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await reporter.close();
}

describe('on a terminal', () => {
  test.each([100, 60, 25, 20])('what has ended stays, the result comes last (%i columns)', async (columns) => {
    const terminal = new Terminal(columns, 12);
    const rest = [fail(10, 'student[hidden=64,seed=12]', 1, true), begin(11, 'student[hidden=64,seed=12]', 2)];
    const end = [finish(12, 'student[hidden=64,seed=12]'), table(13, 'report'), finish(13, 'report'), ended(14, 'ok')];
    await play(terminal, false, ...events, ...rest, ...end);
    const text = terminal.text;
    for (const line of text.slice(0, -1)) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    expect(text.at(-1)).toBe('  student → /out/student');
    const joined = text.map((line) => line.trim()).join(' ');
    expect(joined).toContain('= corpus up to date');
    expect(joined).toContain('trying again after: row 7 has no label');
    expect(joined).toContain('tiny: ok in 14 s (3 steps, 1 up to date)');
    expect(joined).not.toMatch(/[●○]/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    expect(terminal.raw).not.toMatch(/\u001b\[[0-9;]*m/);
    if (columns === 60) {
      expect(text).toEqual([
        'tiny run r1',
        '= corpus up to date',
        '↻ student[hidden=64,seed=12] trying again after: row 7 has',
        '  no label',
        '  Drop it.',
        '✓ student[hidden=64,seed=12] done in 3.0 s, 412 MB',
        '✓ report done in 3.0 s, 412 MB',
        '',
        'Results',
        '',
        'model    macro-F1',
        '─────────────────',
        'teacher     0.968',
        'student       0.9',
        '',
        'Retention is student / teacher on the same rows.',
        '',
        'tiny: ok in 14 s (3 steps, 1 up to date)',
        '  student → /out/student',
      ]);
    }
  });

  test('a resize in the middle leaves one frame and never clears the screen', async () => {
    const terminal = new Terminal(100, 30);
    const resize = (columns: number, rows: number) => () => terminal.resize(columns, rows);
    await play(terminal, false, ...events, resize(120, 8), resize(40, 5), begin(11, 'report'), finish(12, 'report'));
    const text = terminal.text.join('\n');
    expect(text.match(/●/g)).toHaveLength(1);
    expect(text.match(/✓ report/g)).toHaveLength(1);
  });

  test('redraws at most about ten times a second and leaves the cursor shown', async () => {
    const terminal = new Terminal(100, 30);
    const many = Array.from({ length: 40 }, (_, i) => progress(20 + i, 'student[hidden=64,seed=12]', 100 + i, 400));
    const since = performance.now();
    await play(terminal, false, ...events, ...many);
    const seconds = (performance.now() - since) / 1000;
    expect(terminal.raw.split('1/3 steps').length).toBeLessThanOrEqual(seconds * 10 + 4);
    expect(terminal.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThan(terminal.raw.lastIndexOf('\u001b[?25l'));
  });
});
