import { expect, test } from 'vitest';
import { temporaryFolder } from '../steps/context.js';
import { soak } from './soak.js';

test('asks a server that fails, is killed, and keeps every promise (the full size: npm run test:soak)', async () => {
  const folder = await temporaryFolder();
  const { requests } = await soak({
    folder,
    rows: 600,
    kills: 4,
    latency: 20,
    faults: 0.3,
    concurrency: 16,
    killWithin: 2500,
  });
  expect(requests).toBeGreaterThan(600);
}, 120_000);
