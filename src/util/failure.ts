/** Something that can be expected to go wrong (a bad row, a missing field): shown as one message, without a stack. */
export class StepFailure extends Error {
  constructor(
    /** Stable, kebab-case. */
    readonly reason: string,
    message: string,
    /** What to do about it. */
    readonly hint?: string,
  ) {
    super(message);
    this.name = 'StepFailure';
  }
}
