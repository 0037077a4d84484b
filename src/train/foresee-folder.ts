import { methodsOf } from '../methods/index.js';
import { describeTransformer } from '../models/checkpoint.js';
import { valueShape } from '../models/values.js';
import { StepFailure } from '../util/failure.js';
import type { ModelFacts } from './foresight.js';

/** What a folder in Hugging Face's layout says of its model; undefined where the step that reads it will say what is wrong. */
export async function folderFacts(folder: string): Promise<ModelFacts | undefined> {
  try {
    const { config } = await describeTransformer(folder);
    const { type, head, layers, hidden, heads } = config;
    const { task } = methodsOf(head === 'none' ? 'embedding' : head);
    return { of: 'model', type, task, layers, hidden, heads, valueHeads: valueShape(config).heads };
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    return undefined;
  }
}
