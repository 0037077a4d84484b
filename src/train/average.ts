import type { Parameters } from '../models/initialize.js';

/**
 * The running mean of a model's parameters over its updates: the teacher of Tarvainen & Valpola 2017 (Mean teachers,
 * arXiv:1703.01780), which learns nothing and follows its student.
 */
export class Average {
  /** As the model's; changed in place. */
  readonly parameters: Parameters;
  private updates = 0;

  /**
   * @param initial the model's parameters at the start
   * @param decay how much of the mean stays in an update, once there were many
   */
  constructor(
    initial: Parameters,
    private readonly decay: number,
  ) {
    this.parameters = Object.fromEntries(
      Object.entries(initial).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]),
    );
  }

  /**
   * θ' ← d·θ' + (1 − d)·θ after update t, with d = min(decay, 1 − 1/(t + 1)) as in the paper's code: at first, when the
   * model is still bad, the mean is that of all its parameters so far.
   */
  follow(model: Parameters): void {
    this.updates++;
    const d = Math.min(this.decay, 1 - 1 / (this.updates + 1));
    for (const [name, { data }] of Object.entries(this.parameters)) {
      const own = (model[name] as Parameters[string]).data;
      for (let i = 0; i < data.length; i++) data[i] = d * (data[i] as number) + (1 - d) * (own[i] as number);
    }
  }

  /** How many updates it has followed; part of a checkpoint, with its parameters. */
  get followed(): number {
    return this.updates;
  }

  restore(updates: number, parameters: Readonly<Record<string, Float32Array>>): void {
    this.updates = updates;
    for (const [name, { data }] of Object.entries(this.parameters)) data.set(parameters[name] as Float32Array);
  }
}
