import type { AnyStep } from '../engine/step.js';
import { didYouMean } from '../engine/suggest.js';
import { wrap } from '../ui/format.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { loadRegistry } from './registry.js';
import { kindText, outputsOf, placeText, stepPage } from './step-page.js';

/** `recipe steps [name]` */
export async function steps(name: string | undefined): Promise<ExitCode> {
  const registry = loadRegistry();
  const width = Math.min(process.stdout.columns || 100, 120);
  if (name === undefined) {
    const all = registry.names().flatMap((known) => registry.get(known) ?? []);
    process.stdout.write(
      `${all.flatMap((step) => entry(step, width)).join('\n')}\nOptions of one: recipe steps <name>\n`,
    );
    return EXIT.ok;
  }
  const step = registry.get(name);
  if (!step) {
    const hint = didYouMean(name, registry.names()) ?? `There are: ${registry.names().join(', ')}.`;
    throw new UsageError(`there is no step "${name}". ${hint}`);
  }
  process.stdout.write(`${(await stepPage(step, registry, width)).join('\n')}\n`);
  return EXIT.ok;
}

function entry(step: AnyStep, width: number): string[] {
  const inputs = Object.entries(step.inputs).map(([name, spec]) => `${placeText(name, spec)}: ${kindText(spec)}`);
  const outputs = outputsOf(step).map(([name, output]) => `${name}: ${output}`);
  return [
    `${step.name}  (${step.lane})`,
    ...wrap(step.summary, width, '  '),
    ...wrap([inputs.join(', '), '→', outputs.join(', ')].filter(Boolean).join(' '), width, '  ', '    '),
    '',
  ];
}
