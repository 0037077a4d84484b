import { render } from 'ink';
import { createElement } from 'react';
import type { Event } from '../../engine/event.js';
import { describeOutputs, describeRun } from '../describe.js';
import { wrap } from '../format.js';
import type { Reporter } from '../reporter.js';
import { renderTable } from '../table.js';
import { emptyView, hasEnded, reduce, type View } from '../view.js';
import { App } from './app.js';
import { frameLines, type Size } from './frame.js';
import type { Entry } from './history.js';
import type { Line } from './layout.js';
import { rowsLost } from './resize.js';

/** Milliseconds between two redraws. */
const REDRAW_EVERY = 100;
/** Milliseconds between redraws when nothing happens, so that the clock goes on. */
const TICK = 1000;

type NewEntry = Entry extends infer E ? (E extends Entry ? Omit<E, 'key'> : never) : never;

/** The live view on a terminal, drawn by Ink. Never reads the keyboard: Ctrl-C stays a signal. */
export function ttyReporter(stream: NodeJS.WriteStream, { color }: { readonly color: boolean }): Reporter {
  let view = emptyView;
  let frame: readonly Line[] = [];
  const history: Entry[] = [];
  let drawnAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const size = (): Size => ({ columns: stream.columns || 80, rows: stream.rows || 24 });
  const app = () => createElement(App, { history: [...history], frame, columns: size().columns, color });
  const add = (entry: NewEntry): void => void history.push({ ...entry, key: history.length });

  const ink = render(app(), {
    stdout: terminal(stream),
    exitOnCtrlC: false,
    patchConsole: false,
    maxFps: 1000 / (REDRAW_EVERY / 2),
    isScreenReaderEnabled: false,
  });
  const draw = (): void => {
    clearTimeout(timer);
    drawnAt = Date.now();
    frame = view.status === 'pending' || isOver(view) ? [] : frameLines(view, drawnAt, size());
    ink.rerender(app());
    if (!closed) timer = setTimeout(draw, TICK).unref();
  };
  const drawSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(draw, Math.max(0, drawnAt + REDRAW_EVERY - Date.now()));
  };
  const resized = (): void => {
    const lost = rowsLost(frame, size().columns);
    if (lost > 0) stream.write('\u001b[1A\u001b[2K'.repeat(lost));
    drawSoon();
  };
  stream.prependListener('resize', resized);

  return {
    event(event: Event) {
      view = reduce(view, event);
      for (const entry of entries(view, event)) add(entry);
      drawSoon();
    },
    async close() {
      if (closed) return;
      closed = true;
      stream.off('resize', resized);
      draw();
      clearTimeout(timer);
      ink.unmount();
      await ink.waitUntilExit();
      const width = size().columns;
      const tables = view.tables.flatMap(({ table }) => [...renderTable(table, width), '']);
      // Folders are left for the terminal to break, so that they can be copied.
      const end = isOver(view) ? [...wrap(describeRun(view), width, '', '  '), ...describeOutputs(view)] : [];
      // Ink has left an empty line: its last frame.
      const lines = [...tables, ...end];
      stream.write(lines.map((line) => `${line}\n`).join(''));
    },
  };
}

const isOver = (view: View): boolean => view.seconds !== undefined;

/** What an event adds above the redrawn part. */
function entries(view: View, event: Event): NewEntry[] {
  if (event.type === 'run-started') {
    return [{ type: 'heading', text: `${event.name}  ${event.resumed ? 'resumed as ' : ''}run ${event.run}` }];
  }
  if (event.type === 'step-log') {
    return [{ type: 'log', line: { step: event.step, level: event.level, message: event.message } }];
  }
  if (!('step' in event)) return [];
  const step = view.steps.get(event.step);
  if (!step) return [];
  if (event.type === 'step-failed' && event.willRetry) return [{ type: 'retry', step }];
  const ends = ['step-finished', 'step-failed', 'step-skipped', 'step-interrupted'].includes(event.type);
  return ends && hasEnded(step) ? [{ type: 'ended', step }] : [];
}

/**
 * The stream as Ink sees it: without a height. Where a frame is as high as the terminal, Ink clears the screen and
 * the scrollback with it; ours are always lower, except for a moment when the terminal shrinks, and that is not
 * worth the user's scrollback.
 */
function terminal(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return new Proxy(stream, {
    get(target, key) {
      if (key === 'rows') return undefined;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
