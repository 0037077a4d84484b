import { expect, it } from 'vitest';
import { calibrate } from '../../src/models/calibrate.js';

it('says how probable it is that two texts belong together', async () => {
  // Of cosine 0 a quarter belongs together, of cosine 1 three quarters: logits −ln 3 and ln 3.
  const kinds = [true, false, false, false, true, true, true, false];
  const belong = Array.from({ length: 400 }, (_, i) => kinds[i % 8] as boolean);
  const cosines = Float32Array.from(belong, (_, i) => (i % 8 < 4 ? 0 : 1));
  const found = await calibrate(cosines, belong);
  expect(found?.scale).toBeCloseTo(2 * Math.log(3), 1);
  expect((found?.bias as number) + (found?.scale as number) / 2).toBeCloseTo(0, 2);
});

it('says nothing where pairs are all of one kind, or those that belong together are less alike', async () => {
  expect(await calibrate(Float32Array.from([0, 1]), [true, true])).toBeUndefined();
  expect(await calibrate(Float32Array.from([0, 1]), [true, false])).toBeUndefined();
});
