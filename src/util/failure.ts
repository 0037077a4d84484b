/**
 * Reason of a failure of a step whose input is not what it was when it was made. The engine then reads all of the step's
 * inputs and removes those that are damaged, so that the next run makes them anew.
 */
export const DAMAGED_INPUT = 'damaged-input';

/** Something that can be expected to go wrong (a bad row, a missing field): shown as one message, without a stack. */
export class StepFailure extends Error {
  constructor(
    /** Stable, kebab-case. */
    readonly reason: string,
    message: string,
    /** What to do about it. */
    readonly hint?: string,
    /** JSON pointer into the step's options of what it is about: a message then shows the recipe's line. */
    readonly pointer?: string,
  ) {
    super(message);
    this.name = 'StepFailure';
  }
}
