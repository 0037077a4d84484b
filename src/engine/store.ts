import type { Json } from '../util/json.js';

export interface Manifest {
  readonly kind: string;
  /** Version of this manifest's form. */
  readonly version: 1;
  /** Sorted by path (POSIX separators). */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

/**
 * Artifacts by content and small mutable facts by name; the only thing that the places where steps run have to share.
 * An artifact's digest is the SHA-256 of its manifest's canonical JSON, so equal bytes have equal digests.
 */
export interface Store {
  /** A new empty folder on the store's own file system, for `put` to take over. */
  scratch(): Promise<string>;
  /**
   * Makes an artifact of a folder from `scratch`: hashed, synced, renamed into place. Returns its digest.
   * @param announce called with the digest before the artifact is there
   */
  put(folder: string, kind: string, announce?: (digest: string) => Promise<void>): Promise<string>;
  /** The artifact's folder (read-only; holds `manifest.json` beside its files), or undefined. */
  get(digest: string): Promise<string | undefined>;
  /** Whether the artifact is there with all of its files in their sizes. Reads no file's content. */
  verify(digest: string): Promise<boolean>;
  /** Whether every byte of it is as it was put; reads all of it. */
  check(digest: string): Promise<boolean>;
  /** Forgets an artifact. Does nothing if it is not there. */
  remove(digest: string): Promise<void>;
  /** Names are `/`-separated words, e.g. `results/<fingerprint>`, `checkpoints/<fingerprint>/<name>`. */
  readRef(name: string): Promise<Json | undefined>;
  /** Atomic and synced. */
  writeRef(name: string, value: Json): Promise<void>;
  removeRef(name: string): Promise<void>;
  /** A folder of that name which steps share and which outlives runs; made if it is not there. */
  shared(name: string): Promise<string>;
  /** Names of the refs below a prefix. */
  listRefs(prefix: string): Promise<readonly string[]>;
}
