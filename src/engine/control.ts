import { setMaxListeners } from 'node:events';

/** Lets whoever started a run end it: `requestStop` for the first Ctrl-C, `requestKill` for the second. */
export class RunControl {
  readonly stop = new AbortController();
  readonly kill = new AbortController();

  constructor() {
    // Every running step listens; the default is to warn of the eleventh.
    setMaxListeners(0, this.stop.signal, this.kill.signal);
  }

  get stopping(): boolean {
    return this.stop.signal.aborted;
  }

  /** Nothing new starts; running steps save a checkpoint and stop. */
  requestStop(): void {
    this.stop.abort();
  }

  /** Running steps end at once. What they saved so far stays. */
  requestKill(): void {
    this.stop.abort();
    this.kill.abort();
  }
}
