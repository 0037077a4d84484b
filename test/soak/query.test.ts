import { expect, test } from 'vitest';
import { soak } from '../e2e/soak.js';
import { temporaryFolder } from '../steps/context.js';

test('20,000 rows, 30 % faults, 20 kills', async () => {
  const folder = await temporaryFolder();
  const result = await soak({
    folder,
    rows: 20_000,
    kills: 20,
    latency: 50,
    faults: 0.3,
    concurrency: 64,
    killWithin: 8000,
  });
  console.log(result);
  expect(result.requests).toBeGreaterThan(20_000);
}, 3_600_000);
