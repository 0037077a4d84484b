import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runner } from '../backend/runner.js';
import type { StepContext } from '../engine/step.js';
import type { ParameterSpecs, TransformerConfig } from '../models/architecture.js';
import { loadTransformer } from '../models/checkpoint.js';
import type { Parameters } from '../models/initialize.js';
import { type Load, millisecondsOf } from './latency.js';
import { configOf, type Frame, nameOf, type Shape, specsOf } from './shape.js';

type Context = Pick<StepContext<never>, 'checkpoint' | 'now' | 'signal'>;

const MEASURED = 'measured';
const FILE = 'measured.json';

/**
 * Times of shapes, each measured once: a run that is stopped and goes on decides by what it measured before, and so makes
 * the same of it.
 */
export class Stopwatch {
  private constructor(
    private readonly ctx: Context,
    private readonly runner: Runner,
    private readonly frame: Frame,
    private readonly load: Load,
    private readonly times: Map<string, number>,
  ) {}

  static async create(ctx: Context, runner: Runner, frame: Frame, load: Load): Promise<Stopwatch> {
    const saved = await ctx.checkpoint.load(MEASURED);
    const times =
      saved === undefined ? [] : (JSON.parse(await readFile(join(saved, FILE), 'utf8')) as [string, number][]);
    return new Stopwatch(ctx, runner, frame, load, new Map(times));
  }

  /** Milliseconds of a text, where it was measured. */
  known(shape: Shape): number | undefined {
    return this.times.get(nameOf(shape));
  }

  async measure(shape: Shape): Promise<number> {
    const known = this.known(shape);
    if (known !== undefined) return known;
    const config = configOf(this.frame, shape);
    const taken = await this.time(config, anyWeights(specsOf(config)));
    this.times.set(nameOf(shape), taken);
    await this.ctx.checkpoint.save(MEASURED, (folder) =>
      writeFile(join(folder, FILE), JSON.stringify([...this.times])),
    );
    return taken;
  }

  /** Of the teacher itself; undefined where it answers nothing, or reads shorter texts. */
  async teacher(folder: string, { head, maxLength }: TransformerConfig): Promise<number | undefined> {
    if (head === 'none' || this.load.length > maxLength) return undefined;
    const { config, parameters } = await loadTransformer(folder);
    return this.time(config, parameters);
  }

  private time(config: TransformerConfig, parameters: Parameters): Promise<number> {
    const { runner, load } = this;
    const { signal } = this.ctx;
    return millisecondsOf(config, parameters, load, { runner, now: () => this.ctx.now(), signal });
  }
}

/** Weights of a usual size, good for taking time alone: drawing normal ones would take longer than what is timed. */
function anyWeights(specs: ParameterSpecs): Parameters {
  const weights: Parameters = {};
  for (const [name, { shape, initial }] of Object.entries(specs)) {
    const data = new Float32Array(shape.reduce((size, n) => size * n, 1));
    if (initial === 'ones') data.fill(1);
    if (initial === 'normal') for (let i = 0; i < data.length; i++) data[i] = 0.02 * (((i * 37) % 101) / 50 - 1);
    weights[name] = { dtype: 'float32', shape, data };
  }
  return weights;
}
