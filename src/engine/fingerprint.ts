import { dirname, resolve } from 'node:path';
import { canonicalJson, sha256 } from '../util/canonical.js';
import { installedVersion } from '../util/installed-version.js';
import type { Json, JsonObject } from '../util/json.js';
import type { OutputRef } from './event.js';
import type { ExternalFiles } from './external.js';
import { lineageOf } from './lineage.js';
import type { Plan, StepInstance } from './plan.js';
import { replaceAt } from './replace-at.js';
import type { AnyStep, InputSpec, PlacedClaim } from './step.js';

/**
 * All that a step's result depends on, and so all that its fingerprint is made of:
 *
 * - the step's type and version;
 * - its options, defaults filled in; where an option names a file or folder, the digest of its content; where it
 *   names a package, `name@version`; where it takes an environment variable, the reference as text, never the value;
 * - the digests of its inputs, in order, with the producer's id where the step shows it; a measurement counts by the
 *   fingerprint of the step that made it, since its value differs from run to run;
 * - its seed;
 * - the installed versions of the packages that the step says it depends on;
 * - of a step that tells where its results come from, the claims on its inputs and the fingerprints before it.
 *
 * Not in it: the step's id, paths, the thread count, the time.
 */
export interface Parts {
  readonly step: string;
  readonly version: number;
  readonly options: JsonObject;
  readonly inputs: Readonly<Record<string, readonly InputPart[]>>;
  readonly seed: number;
  readonly packages: Readonly<Record<string, string>>;
  readonly claims?: readonly PlacedClaim[];
  readonly lineage?: readonly { readonly step: string; readonly fingerprint: string }[];
}

/** A digest (of a measurement: its producer's fingerprint) and, of a named input, the producing instance. */
export type InputPart = { readonly digest: string; readonly from?: string };

/** What is known of an instance that has ended well. */
export interface Finished {
  readonly fingerprint: string;
  readonly parts: Parts;
  readonly outputs: Readonly<Record<string, OutputRef>>;
}

/** Instances that ended well, by id. */
export type FinishedById = ReadonlyMap<string, Finished>;

/** The fingerprint of some parts: SHA-256 of their canonical JSON. */
export function fingerprintOf(parts: Parts): string {
  return sha256(canonicalJson(parts as unknown as Json));
}

/**
 * Gathers an instance's parts, once what it needs has finished.
 * @throws StepFailure if an external file is missing or cannot be read
 */
export async function partsOf(
  plan: Plan,
  instance: StepInstance,
  step: AnyStep,
  finished: FinishedById,
  files: ExternalFiles,
): Promise<Parts> {
  const changes: { pointer: string; replace: () => Json }[] = [];
  for (const { pointer, path } of instance.files) {
    const digest = await files.digest(absolute(plan, path));
    changes.push({ pointer, replace: () => `sha256:${digest}` });
  }
  for (const { pointer, name, version } of instance.packages) {
    changes.push({ pointer, replace: () => `${name}@${version}` });
  }
  const inputs: Record<string, InputPart[]> = {};
  for (const [name, bindings] of Object.entries(instance.inputs)) {
    const spec = inputSpec(step, name);
    const present: InputPart[] = [];
    for (const { from, output } of bindings) {
      const producer = finished.get(from);
      if (producer === undefined) continue;
      const ref = outputOf(producer, from, output);
      const digest = ref.kind === 'measurement' ? producer.fingerprint : (ref as { digest: string }).digest;
      present.push(spec.named ? { digest, from } : { digest });
    }
    if (present.length > 0) inputs[name] = present;
  }
  return {
    step: step.name,
    version: step.version,
    options: replaceAt(instance.options, changes),
    inputs,
    seed: instance.seed,
    packages: Object.fromEntries(packagesOf(step, instance).map((name) => [name, installedVersion(name)])),
    ...(step.recordsClaims && { claims: instance.claims ?? [] }),
    ...(step.recordsLineage && {
      lineage: lineageOf(plan, instance, finished).map(({ step, fingerprint }) => ({ step, fingerprint })),
    }),
  };
}

function packagesOf({ packages }: AnyStep, { options }: StepInstance): readonly string[] {
  // The options were checked against the step's schema.
  return typeof packages === 'function' ? packages(options as never) : packages;
}

/** A path as the recipe writes it, made absolute: relative ones start at the recipe's folder. */
export function absolute(plan: Plan, path: string): string {
  return resolve(dirname(plan.file), path);
}

/** The declaration of an input. Throws if there is none: the plan was checked against the step. */
export function inputSpec(step: AnyStep, name: string): InputSpec {
  const spec = step.inputs[name];
  if (spec === undefined) throw new Error(`step ${step.name} has no input "${name}"`);
  return spec;
}

/** An output of a finished instance. Throws if it has none of that name: required outputs are checked. */
export function outputOf(producer: Finished, from: string, output: string): OutputRef {
  const ref = producer.outputs[output];
  if (ref === undefined) throw new Error(`${from} has no output "${output}"`);
  return ref;
}
