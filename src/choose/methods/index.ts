import type { Choice } from '../../options/choose-data.js';
import type { Method } from '../method.js';
import { clusterQuotas } from './cluster-quotas.js';
import { disagreement } from './disagreement.js';
import { kCentre } from './k-centre.js';
import { random } from './random.js';
import { stratified } from './stratified.js';
import { uncertain } from './uncertain.js';

/** Every way to choose rows: add a module, its schema in `schemas/choices` and in the step's, and a line here. */
const methods: readonly Method<Choice>[] = [random, kCentre, clusterQuotas, stratified, uncertain, disagreement];

/** Throws (a bug) if there is none of that type. */
export function methodOf({ type }: Choice): Method<Choice> {
  const found = methods.find((method) => method.type === type);
  if (found === undefined) throw new Error(`no method ${type}`);
  return found;
}
