import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadTokenizer } from '../data/tokenizer.js';
import type { StepContext } from '../engine/step.js';
import { countParameters, describeTransformer, readParameters, type TransformerModel } from '../models/checkpoint.js';
import { tellsTokens } from '../models/forward.js';
import { isHeadless } from '../models/heads.js';
import { weightFiles } from '../models/weights.js';
import type { ExportOptions } from '../options/export.js';
import type { Facts } from './card/facts.js';
import { ExactCheck } from './exact.js';
import { completeSettings, copyModel, EXACT, SHORT } from './folder.js';
import { pipelineOf } from './form.js';
import { type Graphs, graphsOf } from './graph.js';
import { hiddenRows } from './hidden.js';
import { rowsToCheck, someRows } from './rows.js';
import { shortness } from './short.js';

type Context = StepContext<ExportOptions>;

/** Rows whose logits are compared; of what tells tokens each one's are as many as its vocabulary. */
const COMPARED = 64;
const COMPARED_FEW = 8;
/** Rows that say what integers cost. */
const JUDGED = 1000;

/**
 * Writes a transformer's folder and checks it.
 * @param path of the model artifact; @param output an empty folder
 * @throws StepFailure if what it wrote cannot be used or answers otherwise than the model
 */
export async function exportTransformer(ctx: Context, path: string, output: string): Promise<Facts> {
  const { config, labels } = await describeTransformer(path);
  const optional = isHeadless(config.head) ? (['head'] as const) : [];
  const parameters = await readParameters(path, config, new Set(optional));
  const model: TransformerModel = { config, labels, parameters };
  await copyModel(path, output);
  await mkdir(join(output, 'onnx'));
  const graphs = graphsOf(model, ctx.options.quantize);
  await writeFile(join(output, EXACT), graphs.exact);
  await completeSettings(output, config);

  const tokenizer = await loadTokenizer(output);
  const data = ctx.input('data').path;
  const most = tellsTokens(config) ? COMPARED_FEW : COMPARED;
  const rows = someRows(await rowsToCheck(data, path, config, tokenizer, most));
  await ctx.progress({ done: 0, total: rows.length, unit: 'rows', phase: 'checking' });
  const check = await ExactCheck.of(model, output, rows, ctx.threads);
  const exactness = await check.run(join(output, EXACT), ctx.signal);
  const { transformers } = exactness;
  if (transformers.state !== 'found') {
    const why =
      transformers.state === 'absent'
        ? `transformers.js cannot be loaded: ${transformers.message}. npm install @huggingface/transformers`
        : `transformers.js has no such model: ${transformers.message}`;
    ctx.log('warning', `checked with ONNX Runtime alone, as ${why}`);
  }
  const short = await exportShort(ctx, graphs, model, check, output);
  const { files } = await weightFiles(output);
  const paths = [...files, EXACT, ...(short?.kept ? [SHORT] : [])];
  const sizes = await Promise.all(paths.map(async (file) => [file, (await stat(join(output, file))).size] as const));
  return {
    type: config.type,
    pipeline: pipelineOf(config),
    labels,
    parameters: countParameters(parameters),
    trainedOn: await trainedOn(output),
    pairs: config.pairs === true,
    maxLength: config.maxLength,
    files: Object.fromEntries(sizes),
    exactness,
    short,
  };
}

/** What a model's folder says of its training, if it does. */
export async function trainedOn(folder: string): Promise<Facts['trainedOn']> {
  const about = JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')) as { trained_on?: Facts['trainedOn'] };
  return about.trained_on;
}

/** The graph in integers, if it is asked for and as good; what it costs in any case. */
async function exportShort(
  ctx: Context,
  { short }: Graphs,
  model: TransformerModel,
  check: ExactCheck,
  output: string,
): Promise<Facts['short']> {
  const { config } = model;
  if (short === undefined) {
    await completeSettings(output, config, 'fp32');
    return undefined;
  }
  const tokenizer = await loadTokenizer(output);
  const data = ctx.input('data').path;
  const most = tellsTokens(config) ? COMPARED : JUDGED;
  const judged = async () => {
    if (config.head === 'masked-language-model') return hiddenRows(data, config, tokenizer, JUDGED, ctx.seed);
    const labelled = await rowsToCheck(data, output, config, tokenizer, most, true);
    return labelled.length > 0 ? labelled : rowsToCheck(data, output, config, tokenizer, most);
  };
  const rows = await judged();
  const found = await shortness(join(output, EXACT), short, model, rows, ctx.threads, async (done) => {
    ctx.signal.throwIfAborted();
    await ctx.progress({ done, total: rows.length, unit: 'rows', phase: 'checking 8-bit integers' });
  });
  const kept = found.good;
  if (kept) {
    await writeFile(join(output, SHORT), short);
    await check.transformers('q8', ctx.signal);
  } else {
    await completeSettings(output, config, 'fp32');
    const lost = (100 * (found.exact - found.short)).toFixed(1);
    ctx.log(
      'warning',
      `no graph in 8-bit integers: it would cost ${lost} points of ${found.metric} on ${found.rows} rows`,
    );
  }
  return { found, kept };
}
