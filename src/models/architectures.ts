import { StepFailure } from '../util/failure.js';
import { albert } from './albert.js';
import type { Architecture, TransformerConfig } from './architecture.js';
import { bert } from './bert.js';
import { distilbert } from './distilbert.js';
import { gpt2 } from './gpt2.js';
import { llama, qwen2, qwen3 } from './llama.js';
import { roberta } from './roberta.js';

/** Every transformer there is: add a module and a line (and, to be made from scratch, its schema to `schemas/models/`). */
export const architectures: readonly Architecture[] = [bert, distilbert, roberta, albert, gpt2, llama, qwen2, qwen3];

/** @throws StepFailure if there is none of that type */
export function architectureOf({ type }: Pick<TransformerConfig, 'type'>): Architecture {
  const found = architectures.find((candidate) => candidate.type === type);
  if (!found) {
    const known = architectures.map((architecture) => architecture.type).join(', ');
    throw new StepFailure('unknown-model-type', `there is no model of type ${JSON.stringify(type)}, only ${known}`);
  }
  return found;
}
