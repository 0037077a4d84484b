import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Journal } from '../../dist/engine/journal.js';
import { LocalStore } from '../../dist/engine/local-store.js';
import { Results } from '../../dist/engine/results.js';
import { reportOf } from '../../dist/report/evaluate.js';
import { writeHistory } from '../../dist/report/history.js';
import { tableOf } from '../../dist/report/table.js';
import { History } from '../../dist/train/history.js';
import { Random } from '../../dist/util/random.js';

const STAGES = 2;
const LABELS = ['ham', 'spam', 'news', 'lists'];
const ROWS = 300;

/**
 * Makes a run in a `.recipe` folder as `recipe run` leaves it, without training anything: a training of so many updates
 * in two stages, a line in the journal for each, and an evaluation of four models.
 *
 * @param {string} root
 * @param {{ updates: number, text?: string }} options `text` stands wherever a text may stand
 * @returns the run's id
 */
export async function makeRun(root, { updates, text = 'plain' }) {
  const store = new LocalStore(join(root, 'store'));
  await mkdir(root, { recursive: true });
  const recipe = join(root, 'made-up.yaml');
  await writeFile(recipe, `version: 1\nname: made-up # ${text}\n`);
  const journal = await Journal.create(root, {
    recipe,
    name: `made-up ${text}`,
    set: [`params.x=${text}`],
    threads: 2,
  });
  await journal.keep(recipe);
  let at = Date.now();
  const emit = (event) => {
    at += 1000;
    journal.append({ at, ...event });
  };
  const { id } = journal.record;
  const steps = [
    { id: 'corpus', uses: 'sample-data', needs: [] },
    { id: `student[${text}]`, uses: 'train', needs: ['corpus'] },
    { id: 'report', uses: 'evaluate', needs: ['corpus', `student[${text}]`] },
  ];
  emit({ type: 'run-started', run: id, recipe, name: `made-up ${text}`, resumed: false, steps });

  const data = await store.scratch();
  await writeFile(join(data, 'dataset.json'), JSON.stringify({ labels: LABELS, rows: ROWS, labelled: ROWS }));
  await finish('corpus', { train: { kind: 'dataset', digest: await store.put(data, 'dataset') } }, 'sample-data');

  const student = `student[${text}]`;
  started(student);
  const history = new History();
  const random = new Random(1, 'losses');
  const names = ['soft-label', `hard-label ${text}`];
  for (let update = 1; update <= updates; update++) {
    const total = updates / STAGES;
    const stage = Math.floor((update - 1) / total);
    const done = ((update - 1) % total) + 1;
    const losses = names.map(() => 1 / Math.sqrt(update) + 0.05 * random.normal());
    const loss = losses[0] + losses[1];
    const gradientNorm = Math.abs(random.normal());
    const progress = done / total;
    history.add(
      {
        stage,
        done,
        total,
        loss,
        losses,
        named: names.map((name) => ({ name, model: 0 })),
        rate: 1e-3 * (1 - progress),
        numbers: names.map(() => ({ weight: progress, scheduled: { temperature: 4 - 3 * progress } })),
        gradientNorm,
        validation: done % 10 === 0 ? progress : undefined,
        stopped: false,
      },
      'accuracy',
    );
    const phase = `stage ${stage + 1} of ${STAGES}`;
    const told = {
      done,
      total,
      unit: 'updates',
      phase,
      loss,
      losses: { [names[0]]: losses[0], [names[1]]: losses[1] },
    };
    emit({ type: 'step-progress', step: student, progress: { ...told, gradientNorm }, memory: 4e8 });
  }
  const told = await store.scratch();
  await writeHistory(told, [history.named(null)]);
  emit({ type: 'step-log', step: student, level: 'warning', message: text });
  emit({
    type: 'step-table',
    step: student,
    table: {
      about: 'samples',
      title: `What it writes ${text}`,
      columns: ['text', 'response', 'written'].map((label) => ({ label, align: 'left' })),
      rows: [[text, text, text]],
      notes: [text],
    },
  });
  await finish(student, { history: { kind: 'history', digest: await store.put(told, 'history') } }, 'train');

  started('report');
  const report = reportOf({
    title: `Evaluation ${text}`,
    labels: [...LABELS.slice(1), text],
    rows: Array.from({ length: ROWS }, (_, row) => ({
      id: String(row),
      text,
      label: [...LABELS.slice(1), text][row % 4],
    })),
    unlabelled: 0,
    models: ['teacher', 'student', 'other student', 'baseline'].map((name, i) => ({
      name: `${name} ${text}`,
      role: ['teacher', 'student', 'student', 'baseline'][i],
      type: 'bert',
      parameters: 1000 * (4 - i),
      bytes: 4000 * (4 - i),
      trainedOn: { rows: ROWS, labelled: ROWS },
      logits: Float32Array.from(
        { length: ROWS * 4 },
        (_, k) => random.normal() + (Math.floor(k / 4) % 4 === k % 4 ? 2 : 0),
      ),
    })),
    slices: [],
    expect: { retention: '>= 0.5', macro_f1: '>= 2' },
    seed: 1,
  });
  const judged = await store.scratch();
  await writeFile(join(judged, 'report.json'), JSON.stringify(report));
  emit({
    type: 'step-table',
    step: 'report',
    table: tableOf(
      report,
      report.models.map(() => undefined),
      report.expectations,
    ),
  });
  const timing = {
    threads: 2,
    models: report.models.map(({ name }, i) => ({ name, median_ms: i + 1, p95_ms: i + 2 })),
  };
  const outputs = {
    report: { kind: 'report', digest: await store.put(judged, 'report') },
    timing: { kind: 'measurement', value: timing },
  };
  await finish('report', outputs, 'evaluate');
  emit({ type: 'run-finished', status: 'ok', seconds: updates, outputs: {} });
  journal.close();
  return id;

  function started(step) {
    emit({ type: 'step-started', step, attempt: 1, fingerprint: fingerprintOf(step), why: { reason: 'new' } });
  }

  /** @param {string} uses */
  async function finish(step, outputs, uses) {
    const fingerprint = fingerprintOf(step);
    const options = uses === 'sample-data' ? { source: { data: { permission: 'internal', licence: text } } } : { text };
    const parts = { step: uses, version: 1, options, inputs: {}, seed: 7, packages: { [text]: '1.0.0' } };
    await new Results(store).record(fingerprint, { outputs, tables: [], parts, seconds: 3, peakMemory: 4e8, run: id });
    emit({ type: 'step-finished', step, fingerprint, outputs, cached: false, seconds: 3, peakMemory: 4e8 });
  }
}

const fingerprintOf = (step) => Buffer.from(step).toString('hex').padEnd(64, '0').slice(0, 64);
