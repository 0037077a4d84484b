import type { Json } from '../util/json.js';
import type { OutputRef, Why } from './event.js';
import { explainChanges } from './explain.js';
import { fileName } from './files.js';
import type { Parts } from './fingerprint.js';
import type { Table } from './step.js';
import type { Store } from './store.js';

/** What a finished step left, under the ref `results/<fingerprint>`. */
export interface StepResult {
  readonly outputs: Readonly<Record<string, OutputRef>>;
  readonly tables: readonly Table[];
  readonly parts: Parts;
  readonly seconds: number;
  readonly peakMemory: number;
  /** The run that made it. */
  readonly run: string;
}

export type Lookup =
  | { readonly state: 'found'; readonly result: StepResult }
  /** There is a result, but these outputs are gone or damaged, or were not made then. */
  | { readonly state: 'damaged'; readonly outputs: readonly string[] }
  | { readonly state: 'none' };

/** Finished steps by fingerprint, and the last one of each instance of each recipe. */
export class Results {
  constructor(private readonly store: Store) {}

  /** The result of a fingerprint, if all `required` outputs are whole. */
  async find(fingerprint: string, required: readonly string[]): Promise<Lookup> {
    const result = (await this.store.readRef(`results/${fingerprint}`)) as StepResult | undefined;
    if (result === undefined) return { state: 'none' };
    const lost: string[] = [];
    for (const name of required) {
      const ref = result.outputs[name];
      const whole = ref !== undefined && (!('digest' in ref) || (await this.store.verify(ref.digest)));
      if (!whole) lost.push(name);
    }
    return lost.length === 0 ? { state: 'found', result } : { state: 'damaged', outputs: lost };
  }

  async record(fingerprint: string, result: StepResult): Promise<void> {
    await this.store.writeRef(`results/${fingerprint}`, result as unknown as Json);
  }

  /** Remembers what an instance of a recipe last finished as. */
  async setLatest(recipe: string, instance: string, fingerprint: string): Promise<void> {
    const ref = latestRef(recipe, instance);
    if ((await this.store.readRef(ref)) !== fingerprint) await this.store.writeRef(ref, fingerprint);
  }

  /** Why an instance whose fingerprint has no usable result must run, by comparison with when it last finished. */
  async whyMissing(recipe: string, instance: string, parts: Parts, lookup: Lookup): Promise<Why> {
    if (lookup.state === 'damaged') {
      const changes = lookup.outputs.map((name) => `output "${name}" is not in the store`);
      return { reason: 'changed', changes };
    }
    const latest = await this.store.readRef(latestRef(recipe, instance));
    if (typeof latest !== 'string') return { reason: 'new' };
    const before = (await this.store.readRef(`results/${latest}`)) as StepResult | undefined;
    return before === undefined
      ? { reason: 'new' }
      : { reason: 'changed', changes: explainChanges(before.parts, parts) };
  }
}

function latestRef(recipe: string, instance: string): string {
  return `latest/${fileName(recipe)}/${fileName(instance)}`;
}
