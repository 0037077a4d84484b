import { stringify } from 'yaml';
import type { ExportOptions } from '../../options/export.js';
import type { Facts } from './facts.js';
import { figuresOf, type Metrics } from './metrics.js';

/** What the Hub reads of a model card: https://huggingface.co/docs/hub/model-cards */
export function frontMatter(
  facts: Facts,
  options: Pick<ExportOptions, 'licence' | 'languages'>,
  title: string,
  metrics: Metrics | undefined,
  model: string,
): string {
  const { pipeline, exactness } = facts;
  const js = exactness.transformers.state !== 'unsupported' && pipeline !== undefined;
  const results = resultsOf(pipeline, metrics, model);
  const about = {
    ...(options.languages.length > 0 && { language: [...options.languages] }),
    ...(options.licence !== undefined && { license: options.licence }),
    ...(pipeline !== undefined && { library_name: 'transformers', pipeline_tag: pipeline }),
    tags: [...(js ? ['transformers.js'] : []), 'onnx', 'knowledge-distillation', facts.type],
    ...(results !== undefined && { 'model-index': [{ name: title, results: [results] }] }),
  };
  return `---\n${stringify(about, { lineWidth: 0 })}---`;
}

/** The model's own figures, as the Hub shows them beside the card. */
function resultsOf(pipeline: string | undefined, metrics: Metrics | undefined, model: string) {
  if (metrics === undefined) return undefined;
  const figures = Object.entries(figuresOf(metrics, model));
  if (figures.length === 0) return undefined;
  return {
    task: { type: pipeline ?? 'text-classification' },
    dataset: { name: `${metrics.title}, ${metrics.test.rows} rows`, type: 'private' },
    metrics: figures.map(([type, value]) => ({ type, value: Number(value.toFixed(4)) })),
  };
}
