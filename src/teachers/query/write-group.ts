import type Database from 'libsql';

interface Pending {
  readonly write: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writes of one connection that share a transaction and its sync: each waits at most so long for others. */
export class WriteGroup {
  private pending: Pending[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** @param around what is done before a group's commit, and after one that failed */
  constructor(
    private readonly db: Database.Database,
    private readonly waitMs: number,
    private readonly around: { readonly beforeCommit: () => void; readonly afterRollback: () => void },
  ) {}

  /** Resolves once the write is on disk. */
  add(write: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pending.push({ write, resolve, reject });
      this.timer ??= setTimeout(() => this.flush(), this.waitMs);
    });
  }

  /** Writes what waits. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const group = this.pending.splice(0);
    if (group.length === 0) return;
    try {
      this.db.exec('BEGIN IMMEDIATE');
      try {
        for (const { write } of group) write();
        this.around.beforeCommit();
        this.db.exec('COMMIT');
      } catch (error) {
        this.db.exec('ROLLBACK');
        this.around.afterRollback();
        throw error;
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
      return;
    }
    for (const { resolve } of group) resolve();
  }
}
