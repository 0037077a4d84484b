import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';

const PACKAGE = new URL('../../package.json', import.meta.url);

/** Where a run takes place, and by what. */
export interface Machine {
  /** Its system and that one's version: `Linux 6.1.0`. */
  readonly system: string;
  readonly architecture: string;
  /** The processor's own name; empty where the system does not tell. */
  readonly processor: string;
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  readonly node: string;
  /** Our own version. */
  readonly recipe: string;
}

/** This one. */
export const thisMachine = (): Machine => ({
  system: `${type()} ${release()}`,
  architecture: arch(),
  processor: cpus()[0]?.model.trim() ?? '',
  cores: availableParallelism(),
  memory: totalmem(),
  node: process.version,
  recipe: (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version,
});
