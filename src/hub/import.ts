import type { StepContext } from '../engine/step.js';
import type { ImportModelOptions } from '../options/import-model.js';

/** The `import-model` step. */
export async function run(ctx: StepContext<ImportModelOptions>): Promise<void> {
  const { model } = ctx.options;
  if (typeof model === 'string') return (await import('./import-transformer.js')).importTransformer(ctx, model);
  if (model.type === 'onnx') return (await import('./import-onnx.js')).importOnnx(ctx, model);
  return (await import('./import-tfjs.js')).importTfjs(ctx, model);
}
