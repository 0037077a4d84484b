import { fileURLToPath } from 'node:url';
import { createRegistry, type Registry } from '../engine/registry.js';
import { steps } from '../steps/index.js';

/** The steps of this package and the schemas that lie beside its `dist`. */
export function loadRegistry(): Registry {
  return createRegistry(steps, fileURLToPath(new URL('../../schemas', import.meta.url)));
}
