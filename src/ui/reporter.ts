import type { Event } from '../engine/event.js';

/** Shows a run to somebody. Gets every event in order, then is closed. */
export interface Reporter {
  event(event: Event): void;
  /** Resolves when everything is written and the terminal is as it was. */
  close(): Promise<void>;
}

export const REPORTERS = ['auto', 'tty', 'plain', 'json'] as const;
export type ReporterName = (typeof REPORTERS)[number];

type Environment = Readonly<Record<string, string | undefined>>;

const isSet = (value: string | undefined): boolean =>
  value !== undefined && value !== '' && value !== '0' && value !== 'false';

/** `tty` on a terminal that can move its cursor and is not a CI log, else `plain`. */
export function resolveReporter(
  name: ReporterName,
  env: Environment,
  stream: NodeJS.WriteStream,
): Exclude<ReporterName, 'auto'> {
  if (name !== 'auto') return name;
  return stream.isTTY && !isSet(env['CI']) && env['TERM'] !== 'dumb' ? 'tty' : 'plain';
}

/** https://no-color.org: any non-empty value turns colours off. */
export function wantsColor(env: Environment, stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** The reporter of that name on a stream. Ink is loaded only if it is needed. */
export async function chooseReporter(
  name: ReporterName,
  env: Environment,
  stream: NodeJS.WriteStream,
): Promise<Reporter> {
  const write = (text: string): void => void stream.write(text);
  switch (resolveReporter(name, env, stream)) {
    case 'json':
      return (await import('./json.js')).jsonReporter(write);
    case 'plain':
      return (await import('./plain.js')).plainReporter(write);
    case 'tty':
      // React's development build measures every render and keeps the measurements: memory would grow all day.
      process.env['NODE_ENV'] ??= 'production';
      return (await import('./tty/reporter.js')).ttyReporter(stream, { color: wantsColor(env, stream) });
  }
}
