import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cases } from '../cases.js';
import { median } from '../numbers.js';
import { Measurer } from '../processes.js';
import { bertBase, huggingFace, prepare, saveRows, THREADS } from './cases.js';
import { endToEnd } from './end-to-end.js';
import { Peer } from './peer.js';

/** Both programs' loss and gradient norm, from equal weights on an equal batch, must agree this well (relative). */
const TOLERANCE = 1e-4;
const ROUNDS = 4;

/**
 * Runs every role of a comparison in rounds, one after the other, so that all see the same machine.
 *
 * @param {Record<string, {ours?: string, peer?: string, c: object}>} sides by the name in the report
 * @param {number} count runs of a round
 */
async function interleaved(python, sides, count, progress, rounds = ROUNDS) {
  const started = {};
  for (const [name, { ours, peer, c }] of Object.entries(sides)) {
    started[name] = ours ? await Measurer.start(ours, c, THREADS) : await Peer.start(python, peer, c);
  }
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, { ms: [], more: {} }]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, process] of Object.entries(started)) {
      const n = round === 0 ? 1 : count;
      const found =
        process instanceof Peer ? await process.ask({ do: 'run', count: n }) : gathered(await process.measureMany(n));
      // The first one compiles.
      if (round === 0) results[name].first = found.compileMs ?? found.ms[0];
      else results[name].ms.push(...found.ms);
      results[name].more = { ...results[name].more, ...found };
    }
    const line = Object.entries(results).map(([name, { ms }]) => `${name} ${ms.at(-1)?.toFixed(0) ?? '-'}`);
    progress(`round ${round} of ${rounds}: ${line.join(', ')} ms`);
  }
  for (const [name, process] of Object.entries(started)) results[name].peakMiB = (await process.close()).peakMiB;
  return Object.fromEntries(
    Object.entries(results).map(([name, r]) => [name, { ...r, median: median(r.ms), least: Math.min(...r.ms) }]),
  );
}

const gathered = (found) => ({ ...found.at(-1), ms: found.map(({ ms }) => ms) });

async function checkAgreement(python, ours, oursCase, peerRole, peerCase) {
  const own = await Measurer.start(ours, oursCase, THREADS);
  const other = await Peer.start(python, peerRole, peerCase);
  const [a, b] = [await own.measure(), await other.ask({ do: 'agree' })];
  await own.close();
  await other.close();
  const difference = (key) => Math.abs(a[key] - b[key]) / Math.abs(b[key]);
  const found = { loss: difference('loss'), norm: difference('norm') };
  if (!(found.loss <= TOLERANCE && found.norm <= TOLERANCE)) {
    throw new Error(`ours and PyTorch disagree, so timing them means nothing: ${JSON.stringify({ a, b })}`);
  }
  return found;
}

/** Everything that is compared with PyTorch; minutes. */
export async function compare(python, progress) {
  const made = await prepare();
  const { folder, tinybert, brown, teacher, gpt2 } = made;
  try {
    const agreement = {
      tinybert: await checkAgreement(python, 'agree', tinybert.ours, 'eager', tinybert.peer),
      gpt2: await checkAgreement(python, 'gpt2Agree', gpt2.ours, 'gpt2', gpt2.peer),
    };
    progress(`agreement ${JSON.stringify(agreement)}`);
    const step = await interleaved(
      python,
      {
        ours: { ours: 'training', c: tinybert.ours },
        eager: { peer: 'eager', c: tinybert.peer },
        compiled: { peer: 'compiled', c: tinybert.peer },
      },
      4,
      progress,
    );
    const lm = await interleaved(
      python,
      {
        ours: { ours: 'gpt2', c: gpt2.ours },
        eager: { peer: 'gpt2', c: gpt2.peer },
        compiled: { peer: 'gpt2-compiled', c: gpt2.peer },
      },
      4,
      progress,
    );
    const generation = await interleaved(
      python,
      { ours: { ours: 'generate', c: gpt2.ours }, transformers: { peer: 'generate', c: gpt2.peer } },
      3,
      progress,
    );
    const forward = await interleaved(
      python,
      { ours: { ours: 'teacher', c: teacher.ours }, eager: { peer: 'teacher-forward', c: teacher.peer } },
      2,
      progress,
      3,
    );
    const epoch = await interleaved(
      python,
      {
        ours: { ours: 'epoch', c: brown.ours },
        'eager, shuffled': { peer: 'epoch', c: brown.shuffled },
        'eager, grouped': { peer: 'epoch', c: brown.grouped },
        'compiled, shuffled': { peer: 'epoch-compiled', c: brown.shuffled },
      },
      1,
      progress,
      3,
    );
    const small = await Measurer.start('steady', (await cases())[0], THREADS);
    const steady = await small.measure();
    await small.close();
    const whole = {
      fixed: await distillation(python, join(folder, 'fixed'), Array(500).fill(64), tinybert, progress),
      brown: await distillation(python, join(folder, 'brown'), brown.lengths, tinybert, progress),
    };
    return { agreement, step, lm, generation, forward, epoch, whole, steady, brownTokens: brown.tokens };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const EPOCHS = 3;

/** A whole distillation by each tool, three epochs. */
export async function distillation(python, folder, lengths, tinybert, progress) {
  const objectives = [
    { type: 'soft-label', weight: 1, temperature: 4 },
    { type: 'hidden-states', weight: 1, layer_map: 'uniform', projection: 'per-layer' },
  ];
  const rows = await saveRows(`${folder}-rows.safetensors`, lengths);
  const { weights: _, batch: __, ...base } = tinybert.peer;
  const c = { ...base, objectives, rows, batchSize: 32, epochs: EPOCHS, teacherConfig: huggingFace(bertBase()) };
  const ours = await endToEnd(folder, lengths, EPOCHS);
  progress(`ours: teacher ${ours.teacher.toFixed(0)} s, student ${ours.student.toFixed(0)} s`);
  const int8 = await endToEnd(folder, lengths, EPOCHS, '\n      precision: int8');
  progress(`ours, int8: teacher ${int8.teacher.toFixed(0)} s, student ${int8.student.toFixed(0)} s`);
  const found = { ours, int8 };
  for (const tool of ['textbrewer', 'torchdistill']) {
    const peer = await Peer.start(python, tool, c);
    const { ms } = await peer.ask({ do: 'run', count: EPOCHS });
    found[tool] = { ms, peakMiB: (await peer.close()).peakMiB };
    progress(`${tool}: ${ms.map((x) => (x / 1000).toFixed(0)).join(', ')} s an epoch`);
  }
  return found;
}
