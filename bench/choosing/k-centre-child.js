import { readFileSync } from 'node:fs';
import { kCentre } from '../../dist/choose/k-centre.js';

/** Chooses once, in a process of its own, so that its peak memory is its own. */
const [file, width, centres] = process.argv.slice(2);
const bytes = readFileSync(file);
const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const start = performance.now();
const before = process.cpuUsage();
const order = await kCentre({ data, width: Number(width), count: data.length / Number(width) }, Number(centres), 0);
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(before);
process.send({
  seconds,
  cpu: (user + system) / 1e6,
  peakMiB: process.resourceUsage().maxRSS / 1024,
  order: [...order],
});
process.disconnect();
