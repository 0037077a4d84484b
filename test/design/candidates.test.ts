import { describe, expect, test } from 'vitest';
import { nothing, reasonsOf, shapesWithin } from '../../src/design/candidates.js';
import { misfit } from '../../src/design/fits.js';
import { shapesOf, spread } from '../../src/design/grid.js';
import { picked } from '../../src/design/pick.js';
import { widestWithin } from '../../src/design/search.js';
import { configOf, countOf, type Frame, nameOf, type Shape, specsOf } from '../../src/design/shape.js';
import type { DesignStudentOptions, Objective } from '../../src/options/design-student.js';
import { withDefaults } from '../steps/context.js';
import { tinyConfig } from '../train/rig.js';

const teacher = tinyConfig(100, { layers: 12, hidden: 96, heads: 6, kvHeads: 6, intermediate: 384 });
const frame: Frame = {
  type: 'bert',
  vocabulary: 100,
  padId: 0,
  head: 'classifier',
  labels: 2,
  maxLength: 40,
  dropout: 0.1,
};
const designOptions = (options: Parameters<typeof withDefaults>[1]): DesignStudentOptions =>
  withDefaults('design-student', options) as unknown as DesignStudentOptions;
const objectivesOf = (...objectives: (string | { type: string; [option: string]: unknown })[]): Objective[] =>
  designOptions({ budget: { parameters: 1 }, objectives: objectives as string[] }).objectives;

describe('shapes of a depth', () => {
  test('are multiples of the heads up to the teacher’s width, narrower where they are as deep', () => {
    const widths = (layers: number): number[] => shapesOf(teacher, 'bert', layers, 6).map(({ hidden }) => hidden);
    expect(widths(2)).toEqual([48, 60, 72, 84, 96]);
    expect(widths(12)).toEqual([48, 60, 72, 84]);
    expect(shapesOf(teacher, 'bert', 2, 6)[1]).toEqual({
      layers: 2,
      hidden: 60,
      heads: 6,
      kvHeads: 6,
      intermediate: 240,
    });
    expect(shapesOf(teacher, 'bert', 2, 96)).toEqual([]);
  });

  test('of a Llama have heads of an even width, and share keys as the teacher does', () => {
    const own = tinyConfig(100, { type: 'llama', layers: 2, hidden: 60, heads: 6, kvHeads: 2, intermediate: 100 });
    const shapes = shapesOf(own, 'llama', 1, 6);
    expect(shapes.map(({ hidden, kvHeads }) => [hidden, kvHeads])).toEqual([
      [48, 2],
      [60, 2],
    ]);
    expect(shapesOf(own, 'llama', 1, 5)[0]?.kvHeads).toBe(5);
  });
});

describe('objectives', () => {
  const shape = (layers: number, heads = 6): Shape => ({
    layers,
    hidden: 60,
    heads,
    kvHeads: heads,
    intermediate: 240,
  });
  const why = (objectives: Objective[], one: Shape) => misfit({ objectives, head: 'classifier', teacher }, one);

  test('fit, or say why not', () => {
    const uniform = objectivesOf('soft-label', { type: 'hidden-states', layer_map: 'uniform' });
    expect(why(uniform, shape(4))).toBeUndefined();
    expect(why(uniform, shape(5))).toBe('layer map "uniform" cannot map 5 student layers onto 12 teacher layers');
    expect(why(objectivesOf({ type: 'attention', layer_map: 'last' }), shape(4, 3))).toContain(
      'has 3 and the teacher 6',
    );
    expect(why(objectivesOf({ type: 'hidden-states', layer_map: [[3, 12]] }), shape(2))).toContain('student layer 3');
    // Another teacher's shape is not known.
    expect(why(objectivesOf({ type: 'attention', teacher: 2 }), shape(5, 3))).toBeUndefined();
  });

  test('that make no sense for the task are an error at their place', () => {
    const objectives = objectivesOf('hard-label', 'attention');
    expect(() => misfit({ objectives, head: 'language-model', teacher }, shape(4))).toThrow(
      expect.objectContaining({ reason: 'task', pointer: '/objectives/1' }),
    );
  });
});

describe('candidates', () => {
  test('fit objectives and numbers, the widest last', () => {
    const options = designOptions({
      budget: { parameters: 120_000 },
      objectives: [{ type: 'hidden-states', layer_map: 'uniform' }],
    });
    const { groups, leftOut } = shapesWithin(options, frame, teacher);
    expect(groups.map((shapes) => nameOf(shapes.at(-1) as Shape))).toEqual(['1x84', '2x60', '3x48']);
    for (const shapes of groups) {
      const [widest, size] = [shapes.at(-1) as Shape, (one: Shape) => countOf(specsOf(configOf(frame, one)))];
      expect(size(widest)).toBeLessThanOrEqual(120_000);
      const wider = shapesOf(teacher, 'bert', widest.layers, 6).find(({ hidden }) => hidden > widest.hidden) as Shape;
      expect(size(wider)).toBeGreaterThan(120_000);
    }
    expect(reasonsOf(leftOut)).toEqual([
      expect.stringMatching(/^4, 6, 12 layers: 4x48 already has \d+ parameters, and the like$/),
      '5, 7, 8, 9, 10, 11 layers: layer map "uniform" cannot map 5 student layers onto 12 teacher layers, and the like',
    ]);
  });

  test('megabytes are of float32', () => {
    const widest = (budget: DesignStudentOptions['budget']) =>
      shapesWithin(designOptions({ budget: { ...budget } }), frame, teacher).groups.map((shapes) => shapes.at(-1));
    expect(widest({ megabytes: 0.48 })).toEqual(widest({ parameters: 120_000 }));
  });

  test('none: what speaks against each depth, at the option that it is about', () => {
    const fails = (options: Parameters<typeof designOptions>[0]) => () =>
      shapesWithin(designOptions(options), frame, teacher);
    expect(fails({ budget: { parameters: 10 } })).toThrow(
      expect.objectContaining({ reason: 'no-student', pointer: '/budget' }),
    );
    expect(fails({ budget: { parameters: 1e6 }, heads: 3, objectives: ['attention'] })).toThrow(
      expect.objectContaining({ pointer: '/objectives', message: expect.stringContaining('matches heads one to one') }),
    );
    expect(fails({ budget: { parameters: 1e6 }, heads: 97 })).toThrow(expect.objectContaining({ pointer: '/heads' }));
    expect(nothing([{ layers: 1, reason: 'it is so', by: 'budget' }]).message).toMatch(
      /objectives: 1 layer: it is so$/,
    );
  });

  test('proposals are of depths spread over those that fit', () => {
    const { groups } = shapesWithin(designOptions({ budget: { parameters: 1e7 }, proposals: 3 }), frame, teacher);
    expect(groups.map(([first]) => first?.layers)).toEqual([1, 7, 12]);
    expect(spread([1, 2, 3], 1)).toEqual([3]);
    expect(spread([1, 2], 4)).toEqual([1, 2]);
  });
});

describe('the widest within a time', () => {
  const shapes = shapesOf(teacher, 'bert', 2, 3);

  test.each([1, 47.9, 48, 53, 60, 71, 95.9, 96, 1000])('%d ms', async (most) => {
    let asked = 0;
    const found = await widestWithin(shapes, most, async ({ hidden }) => {
      asked++;
      return hidden;
    });
    expect(found).toEqual(shapes.filter(({ hidden }) => hidden <= most).at(-1));
    expect(asked).toBeLessThanOrEqual(1 + Math.ceil(Math.log2(shapes.length + 1)));
  });
});

test('a pick by number, by name, none, and one that there is not', () => {
  const ranked = shapesOf(teacher, 'bert', 2, 6).map((shape) => ({ shape }));
  expect(picked(ranked, undefined, [])).toBe(ranked[0]);
  expect(picked(ranked, 2, [])).toBe(ranked[1]);
  expect(picked(ranked, '2x72', [])).toBe(ranked[2]);
  for (const pick of [6, '3x48']) {
    expect(() => picked(ranked, pick, [])).toThrow(
      expect.objectContaining({
        reason: 'pick',
        hint: 'There are 1 (2x48), 2 (2x60), 3 (2x72), 4 (2x84), 5 (2x96).',
        pointer: '/pick',
      }),
    );
  }
});
