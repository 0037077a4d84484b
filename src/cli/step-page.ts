import type { Registry } from '../engine/registry.js';
import { SchemaSet } from '../engine/schema-set.js';
import { type AnyStep, type InputSpec, kindsOf } from '../engine/step.js';
import { enumerate } from '../engine/words.js';
import { wrap } from '../ui/format.js';
import { optionLines } from './option-lines.js';
import { exampleOf } from './step-example.js';

/** All there is to know of one step: what goes in and out, its options, and an example of its use. */
export async function stepPage(step: AnyStep, registry: Registry, width: number): Promise<string[]> {
  const schemas = new SchemaSet(registry.schemas());
  const root = schemas.root(registry.schema(step.name));
  const description = typeof root.schema['description'] === 'string' ? root.schema['description'] : step.summary;
  const inputs = Object.entries(step.inputs).map(([name, spec]): [string, string] => [
    placeText(name, spec),
    kindText(spec),
  ]);
  const options = optionLines(root, schemas, { width, indent: '  ' });
  const example = await exampleOf(step, registry, schemas);
  return [
    step.name,
    ...wrap(description, width, '  '),
    '',
    ...section('Inputs', columns(inputs)),
    ...section('Outputs', columns(outputsOf(step))),
    ...section('Options', options),
    'Example',
    ...example
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
  ];
}

/** `model`, `model (optional)`, `list of model`. */
export function kindText(spec: InputSpec): string {
  if (spec.within !== undefined) return enumerate(kindsOf(spec), 'or');
  return `${spec.list ? 'list of ' : ''}${enumerate(kindsOf(spec), 'or')}${spec.optional ? ' (optional)' : ''}`;
}

/** `data`, or where it stands in the items of an option: `tasks[].data`. */
export const placeText = (name: string, { within }: InputSpec): string =>
  within === undefined ? name : `${within}[].${name}`;

/** Outputs and their kinds. */
export const outputsOf = ({ outputs, namedOutputs }: AnyStep): (readonly [string, string])[] => [
  ...Object.entries(outputs),
  ...(namedOutputs === undefined ? [] : [['<name>', namedOutputs] as const]),
];

const section = (title: string, lines: readonly string[]): string[] => (lines.length > 0 ? [title, ...lines, ''] : []);

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
}
