import { rm } from 'node:fs/promises';
import type { Checkpoints } from './step.js';
import type { Store } from './store.js';

/** What the ref `checkpoints/<fingerprint>/<name>` holds. */
interface Saved {
  /** Undefined while the first one is being put into the store. */
  readonly digest?: string;
  /** The one before: removed after this ref was written, unless a kill came between. */
  readonly replaced?: string;
  /** One that is being put into the store: known before it is there, so that a kill leaves nothing that no ref names. */
  readonly pending?: string;
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
      const before = (await store.readRef(ref)) as Saved | undefined;
      const checkOwner = (): void => {
        if (!owned()) throw new Error('the engine that started this step is gone');
      };
      let digest: string;
      try {
        await fill(folder);
        // The fingerprint in the kind keeps equal bytes of two steps apart, so that each can be removed alone.
        digest = await store.put(folder, `checkpoint:${fingerprint}/${name}`, async (pending) => {
          checkOwner();
          await store.writeRef(ref, { ...before, pending });
        });
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
      checkOwner();
      const old = [before?.digest, before?.replaced, before?.pending].filter((each) => each !== digest);
      const [replaced] = old;
      await store.writeRef(ref, replaced === undefined ? { digest } : { digest, replaced });
      for (const each of old) if (each !== undefined) await store.remove(each);
      savedAt = performance.now();
      saved(name);
    },
    async load(name) {
      const saved = (await store.readRef(refOf(fingerprint, name))) as Saved | undefined;
      if (saved?.digest === undefined || !(await store.verify(saved.digest))) return undefined;
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
    for (const digest of [saved?.digest, saved?.replaced, saved?.pending])
      if (digest !== undefined) await store.remove(digest);
  }
}

function refOf(fingerprint: string, name: string): string {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) throw new Error(`"${name}" is not a name for a checkpoint (kebab-case)`);
  return `checkpoints/${fingerprint}/${name}`;
}
