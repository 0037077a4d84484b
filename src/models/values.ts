import type { TransformerConfig } from './architecture.js';
import { architectureOf } from './architectures.js';

/** Heads of a layer's values, and numbers of one head's value of a token. */
export interface ValueShape {
  readonly heads: number;
  readonly width: number;
}

export function valueShape(config: TransformerConfig): ValueShape {
  const { decoder } = architectureOf(config);
  if (decoder) return { heads: decoder.kvHeads(config), width: decoder.headWidth(config) };
  return { heads: config.heads, width: config.hidden / config.heads };
}
