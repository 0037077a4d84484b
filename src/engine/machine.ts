import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';

/** Where a run takes place. */
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
}

/** This one. */
export const thisMachine = (): Machine => ({
  system: `${type()} ${release()}`,
  architecture: arch(),
  processor: cpus()[0]?.model.trim() ?? '',
  cores: availableParallelism(),
  memory: totalmem(),
  node: process.version,
});
