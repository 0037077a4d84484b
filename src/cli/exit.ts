/** What `recipe` ends with. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Something the user can put right: shown as one message on stderr, without a stack; exit code 2. */
export class UsageError extends Error {}
