import type { Table } from '../engine/step.js';
import type { TransformerConfig } from '../models/architecture.js';
import { type LeftOut, reasonsOf } from './candidates.js';
import { flopsOf, type Load } from './latency.js';
import type { Budget } from './search.js';
import { bytesOf, countOf, type Frame, modelOf, nameOf, type Shape, specsOf } from './shape.js';

/** A student that is proposed. */
export interface Measured {
  readonly shape: Shape;
  readonly parameters: number;
  /** Of its weights in float32. */
  readonly bytes: number;
  /** Of a text's answer. */
  readonly flops: number;
  /** Of a text's answer here. */
  readonly milliseconds: number;
}

interface Proposals {
  readonly ranked: readonly Measured[];
  readonly pick: Measured;
  readonly teacher: {
    readonly name: string;
    readonly config: TransformerConfig;
    readonly milliseconds: number | undefined;
  };
  readonly frame: Frame;
  readonly load: Load;
  readonly leftOut: readonly LeftOut[];
  readonly budget: Budget;
}

const COLUMNS = ['layers', 'hidden', 'heads', 'feed-forward', 'parameters', '÷ teacher', 'MB', 'MFLOP/text', 'ms/text'];

/** The proposals below their teacher, and what one must know to choose among them. */
export function tableOf({ ranked, pick, teacher, frame, load, leftOut, budget }: Proposals): Table {
  const own = countOf(specsOf(teacher.config));
  const { hidden, heads, layers, intermediate } = teacher.config;
  const row = (
    name: string,
    shape: Pick<Shape, 'layers' | 'hidden' | 'heads' | 'intermediate'>,
    figures: { parameters: number; bytes: number; flops: number | undefined; milliseconds: number | undefined },
  ): string[] => [
    name,
    ...[shape.layers, shape.hidden, shape.heads, shape.intermediate].map(String),
    String(figures.parameters).replace(/\B(?=(\d{3})+$)/g, ','),
    (figures.parameters / own).toFixed(3),
    (figures.bytes / 1e6).toFixed(2),
    figures.flops === undefined ? '–' : (figures.flops / 1e6).toFixed(2),
    figures.milliseconds === undefined ? '–' : figures.milliseconds.toFixed(2),
  ];
  const flops = teacher.milliseconds === undefined ? undefined : flopsOf(teacher.config, load.length);
  const model = Object.entries(modelOf(frame, pick.shape)).map(([key, value]) => `${key}: ${value}`);
  const limits = Object.entries(budget).map(([what, most]) => `${what} ${most}`);
  return {
    title: `Students of ${teacher.name}`,
    columns: [{ label: 'student', align: 'left' }, ...COLUMNS.map((label) => ({ label, align: 'right' as const }))],
    rows: [
      row(
        teacher.name.includes('teacher') ? teacher.name : `${teacher.name} (teacher)`,
        { layers, hidden, heads, intermediate },
        { parameters: own, bytes: bytesOf(own), flops, milliseconds: teacher.milliseconds },
      ),
      ...ranked.map((each, i) =>
        row(`${i + 1}: ${nameOf(each.shape)}${each === pick ? ', picked' : ''}`, each.shape, each),
      ),
    ],
    notes: [
      `At most: ${limits.join(', ')}. Each depth's widest student; the one that does the most arithmetic stands first.`,
      `MFLOP and ms are of a text of ${load.length} tokens; ms the median here, ${load.batch === 1 ? 'texts one by one' : `${load.batch} texts at once`}.`,
      ...reasonsOf(leftOut).map((reason) => `Not proposed: ${reason}.`),
      `The picked one in a train step: model: { ${model.join(', ')} }`,
    ],
  };
}
