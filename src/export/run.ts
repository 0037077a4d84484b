import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepContext } from '../engine/step.js';
import { typeOf } from '../models/family.js';
import { isTransformer } from '../models/index.js';
import type { ExportOptions } from '../options/export.js';
import { StepFailure } from '../util/failure.js';
import { installedVersion } from '../util/installed-version.js';
import { cardOf, usualTitle } from './card/card.js';
import type { Measured } from './card/cost.js';
import type { Metrics } from './card/metrics.js';
import { usageSection } from './card/usage.js';
import { writeDemo } from './demo/write.js';
import { exportLogistic } from './logistic.js';
import { factsTable } from './table.js';
import { exportTransformer } from './transformer.js';

const PACKAGES = ['onnxruntime-node', 'tokenizers', '@huggingface/transformers'];

/** The `export` step. */
export async function run(ctx: StepContext<ExportOptions>): Promise<void> {
  const { path, from } = ctx.input('model');
  const metrics = await readMetrics(ctx.optionalInput('metrics')?.path);
  const timing = timingOf(ctx);
  const { type } = await typeOf(path);
  const write = (await isTransformer(path)) ? exportTransformer : type === 'logistic' ? exportLogistic : undefined;
  if (write === undefined) throw notExportable(type);
  const output = await ctx.output('model');
  const facts = await write(ctx, path, output);
  const card = cardOf({
    facts,
    options: ctx.options,
    origin: { model: from, claims: ctx.claims(), lineage: ctx.lineage() },
    metrics,
    timing,
    usage: usageSection(facts),
    versions: Object.fromEntries(PACKAGES.map((name) => [name, installedVersion(name)])),
  });
  await writeFile(join(output, 'README.md'), card);
  if (ctx.options.demo) await writeDemo(output, facts, ctx.options.title ?? usualTitle(facts));
  ctx.show(factsTable(facts));
}

const notExportable = (type: unknown): StepFailure =>
  new StepFailure(
    'not-exportable',
    `a model of type ${JSON.stringify(type)} cannot be exported`,
    'Transformers and logistic models of word n-grams can.',
  );

/** @throws StepFailure if the measurement is another than an evaluation's */
function timingOf(ctx: StepContext<ExportOptions>): Measured | undefined {
  const value = ctx.optionalInput('timing')?.value as unknown as Partial<Measured> | undefined;
  if (value === undefined) return undefined;
  if (Array.isArray(value?.models)) return value as Measured;
  throw new StepFailure(
    'unknown-timing',
    'the measurement that "timing" is bound to has no models',
    'Bind it to the output timing of evaluate.',
  );
}

/** @throws StepFailure if the report is of a kind that is not known here */
async function readMetrics(folder: string | undefined): Promise<Metrics | undefined> {
  if (folder === undefined) return undefined;
  const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Partial<Metrics>;
  if (report.models !== undefined && report.test !== undefined) return report as Metrics;
  throw new StepFailure(
    'unknown-report',
    'the report that "metrics" is bound to has no models',
    'Bind it to evaluate.',
  );
}
