/** How a number changes while a stage is trained. `Options` is its entry in a recipe, as its schema has it. */
export interface Schedule<Options> {
  /** The value of `schedule`. */
  readonly type: string;
  /** @param done how much of the schedule is over: 0 at first, 1 at its end */
  at(options: Options, done: number): number;
}
