import type { TransformerConfig } from '../models/architecture.js';
import type { DesignStudentOptions } from '../options/design-student.js';
import { StepFailure } from '../util/failure.js';
import { misfit } from './fits.js';
import { shapesOf, spread } from './grid.js';
import { bytesOf, configOf, countOf, type Frame, nameOf, type Shape, specsOf } from './shape.js';

/** A depth of which nothing is proposed, and why. */
export interface LeftOut {
  readonly layers: number;
  readonly reason: string;
  /** The option that it is against. */
  readonly by: 'objectives' | 'budget' | 'heads';
}

export interface Candidates {
  /** Shapes of one depth each, within what is counted, narrowest first; none is empty. */
  readonly groups: readonly (readonly Shape[])[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * Shapes that fit the objectives and whose numbers fit the budget; of as many depths as are to be proposed.
 * @throws StepFailure if there is none
 */
export function shapesWithin(options: DesignStudentOptions, frame: Frame, teacher: TransformerConfig): Candidates {
  const { budget, objectives, proposals } = options;
  const heads = options.heads ?? teacher.heads;
  const leftOut: LeftOut[] = [];
  const groups: Shape[][] = [];
  for (let layers = 1; layers <= teacher.layers; layers++) {
    const all = shapesOf(teacher, frame.type, layers, heads);
    const [narrowest] = all;
    if (narrowest === undefined) {
      const reason = `no width up to the teacher's ${teacher.hidden} has ${heads} heads of 8 numbers or more`;
      leftOut.push({ layers, reason, by: 'heads' });
      continue;
    }
    const reason = misfit({ objectives, head: frame.head, teacher }, narrowest);
    if (reason !== undefined) {
      leftOut.push({ layers, reason, by: 'objectives' });
      continue;
    }
    const within = all.filter((shape) => fits(countOf(specsOf(configOf(frame, shape))), budget));
    if (within.length > 0) groups.push(within);
    else {
      const least = countOf(specsOf(configOf(frame, narrowest)));
      leftOut.push({ layers, reason: `${nameOf(narrowest)} already has ${least} parameters`, by: 'budget' });
    }
  }
  if (groups.length === 0) throw nothing(leftOut);
  return { groups: spread(groups, proposals), leftOut };
}

const fits = (
  parameters: number,
  { parameters: most = Infinity, megabytes = Infinity }: DesignStudentOptions['budget'],
) => parameters <= most && bytesOf(parameters) <= megabytes * 1e6;

/** That there is no student, with what speaks against each depth. */
export function nothing(leftOut: readonly LeftOut[]): StepFailure {
  const [first] = leftOut;
  const alike = leftOut.every(({ by }) => by === first?.by);
  const what = 'there is no student within the budget that fits teacher and objectives';
  const option = alike ? (first as LeftOut).by : 'budget';
  return new StepFailure('no-student', `${what}: ${reasonsOf(leftOut).join('; ')}`, undefined, `/${option}`);
}

/** A line for each kind of reason, with the depths that it keeps out; where theirs differ, the first one's stands for all. */
export function reasonsOf(leftOut: readonly LeftOut[]): string[] {
  const kinds = new Map<LeftOut['by'], LeftOut[]>();
  for (const each of leftOut) kinds.set(each.by, [...(kinds.get(each.by) ?? []), each]);
  return [...kinds.values()].map((alike) => {
    const depths = alike.map(({ layers }) => layers).join(', ');
    const reasons = new Set(alike.map(({ reason }) => reason));
    return `${depths} layer${alike.length === 1 && depths === '1' ? '' : 's'}: ${alike[0]?.reason}${reasons.size > 1 ? ', and the like' : ''}`;
  });
}
