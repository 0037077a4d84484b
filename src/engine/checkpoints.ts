import { rm } from 'node:fs/promises';
import type { Checkpoints } from './step.js';
import type { Store } from './store.js';

/** What the ref `checkpoints/<fingerprint>/<name>` holds. */
interface Saved {
  readonly digest: string;
  /** The one before: removed after this ref was written, unless a kill came between. */
  readonly replaced?: string;
}

export interface CheckpointParts {
  readonly store: Store;
  readonly fingerprint: string;
  /** Milliseconds from one save to when the next is due. */
  readonly every: number;
  /** Aborted when the user asks to stop. */
  readonly signal: AbortSignal;
  /** False once the engine that started the job is gone: another may run the same job by then. */
  readonly owned: () => boolean;
  /** Called after each save. */
  readonly saved: (name: string) => void;
}

/** A step's checkpoints, as artifacts in the store: a job that goes on elsewhere finds them there. */
export function checkpointsOf({ store, fingerprint, every, signal, owned, saved }: CheckpointParts): Checkpoints {
  let savedAt = performance.now();
  return {
    async save(name, fill) {
      const ref = refOf(fingerprint, name);
      const folder = await store.scratch();
      let digest: string;
      try {
        await fill(folder);
        // The fingerprint in the kind keeps equal bytes of two steps apart, so that each can be removed alone.
        digest = await store.put(folder, `checkpoint:${fingerprint}/${name}`);
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
      if (!owned()) throw new Error('the engine that started this step is gone');
      const before = (await store.readRef(ref)) as Saved | undefined;
      if (before?.digest !== digest) {
        await store.writeRef(ref, before === undefined ? { digest } : { digest, replaced: before.digest });
        for (const old of [before?.digest, before?.replaced]) {
          if (old !== undefined && old !== digest) await store.remove(old);
        }
      }
      savedAt = performance.now();
      saved(name);
    },
    async load(name) {
      const saved = (await store.readRef(refOf(fingerprint, name))) as Saved | undefined;
      if (saved === undefined || !(await store.verify(saved.digest))) return undefined;
      return store.get(saved.digest);
    },
    due: () => signal.aborted || performance.now() - savedAt >= every,
  };
}

/** Whether an attempt left checkpoints. */
export async function hasCheckpoints(store: Store, fingerprint: string): Promise<boolean> {
  return (await store.listRefs(`checkpoints/${fingerprint}`)).length > 0;
}

/** Forgets a step's checkpoints: its result is recorded, or it must start afresh. */
export async function dropCheckpoints(store: Store, fingerprint: string): Promise<void> {
  for (const ref of await store.listRefs(`checkpoints/${fingerprint}`)) {
    const saved = (await store.readRef(ref)) as Saved | undefined;
    await store.removeRef(ref);
    for (const digest of [saved?.digest, saved?.replaced]) if (digest !== undefined) await store.remove(digest);
  }
}

function refOf(fingerprint: string, name: string): string {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) throw new Error(`"${name}" is not a name for a checkpoint (kebab-case)`);
  return `checkpoints/${fingerprint}/${name}`;
}
