import type { Json } from '../util/json.js';
import type { Issue } from './issue.js';
import { child } from './pointer.js';
import type { Recipe, RecipeStep } from './recipe.js';
import { parseTemplate, type ReferencePart, wholeReference } from './reference.js';
import type { Registry } from './registry.js';
import { referenceIssue } from './resolve.js';
import { type InputSpec, kindsOf, outputKind } from './step.js';
import { didYouMean } from './suggest.js';
import { describe, enumerate, quote, withArticle } from './words.js';

/** An output of a recipe step (of all its instances, if it has a matrix) and where it is named. */
export interface OutputUse {
  readonly step: string;
  readonly output: string;
  /** Undefined if the producing step's type is unknown. */
  readonly kind: string | undefined;
  readonly pointer: string;
  readonly part: ReferencePart;
}

/** Finds outputs of a recipe's steps. What is wrong is reported through `report`. */
export class Binder {
  constructor(
    private readonly recipe: Recipe,
    private readonly registry: Registry,
    private readonly report: (issue: Issue) => void,
  ) {}

  /** The outputs bound to one input of a step: a reference or, for a list input, also a list of them. */
  input(step: RecipeStep, name: string, spec: InputSpec, value: Json, pointer: string): OutputUse[] {
    const uses = step.uses as string;
    const owner = `input ${quote(name)} of step ${quote(step.id)} (${uses})`;
    const many = Array.isArray(value);
    if (many && !spec.list) {
      this.report({
        code: 'wrong-type',
        message: `${owner} takes one ${enumerate(kindsOf(spec), 'or')}, not a list`,
        pointer,
        at: 'value',
      });
      return [];
    }
    if (many && value.length === 0 && !spec.optional) {
      this.report({
        code: 'out-of-range',
        message: `${owner} needs at least one ${enumerate(kindsOf(spec), 'or')}`,
        pointer,
        at: 'value',
      });
    }
    const items = many ? value.map((item, i) => [item, child(pointer, i)] as const) : [[value, pointer] as const];
    return items.flatMap(([item, at]) => {
      const use = this.output(item, at, owner);
      if (!use) return [];
      if (use.step === step.id) {
        const message = `step ${quote(step.id)} cannot take its own output`;
        this.report(referenceIssue('self-reference', use.part, at, message));
        return [];
      }
      this.checkKind(use, name, step, spec);
      return [use];
    });
  }

  private checkKind(use: OutputUse, name: string, step: RecipeStep, spec: InputSpec): void {
    const output = `output ${quote(use.output)} of step ${quote(use.step)}`;
    const input = `input ${quote(name)} of step ${quote(step.id)}`;
    if (use.kind !== undefined && !kindsOf(spec).includes(use.kind)) {
      const message = `${output} is ${withArticle(use.kind)}, but ${input} takes ${enumerate(kindsOf(spec).map(withArticle), 'or')}`;
      this.report(referenceIssue('wrong-kind', use.part, use.pointer, message));
    } else if (!spec.list && (this.recipe.steps.get(use.step)?.matrix.size ?? 0) > 0) {
      const message = `step ${quote(use.step)} has a matrix, so its output ${quote(use.output)} is a list, but ${input} takes one ${enumerate(kindsOf(spec), 'or')}`;
      this.report(referenceIssue('matrix-into-single-input', use.part, use.pointer, message));
    }
  }

  /** The output that a text names, as its only content. */
  output(value: Json, pointer: string, owner: string): OutputUse | undefined {
    const parts = typeof value === 'string' ? parseTemplate(value) : [];
    const bad = parts.find((part) => part.type === 'bad');
    if (bad) {
      this.report({ ...referenceIssue('bad-reference', bad, pointer, bad.message), hint: bad.hint });
      return undefined;
    }
    const part = wholeReference(parts);
    if (part?.reference.kind !== 'output') {
      const message = `${owner} must be an output of a step, not ${part ? part.raw : describe(value)}`;
      const hint = 'Write ${{ steps.ID.outputs.NAME }}';
      this.report({ code: 'not-an-output', message, hint, pointer, at: 'value' });
      return undefined;
    }
    const { step, output } = part.reference;
    return this.find(step, output, pointer, part);
  }

  private find(step: string, output: string, pointer: string, part: ReferencePart): OutputUse | undefined {
    const producer = this.recipe.steps.get(step);
    if (!producer) {
      const hint = didYouMean(step, this.recipe.steps.keys());
      this.report({ ...referenceIssue('unknown-step', part, pointer, `unknown step ${quote(step)}`), hint });
      return undefined;
    }
    const type = producer.uses === undefined ? undefined : this.registry.get(producer.uses);
    if (!type) return { step, output, kind: undefined, pointer, part };
    const kind = outputKind(type, output);
    if (kind === undefined) {
      const names = Object.keys(type.outputs);
      const message = `step ${quote(step)} (${type.name}) has no output ${quote(output)}`;
      const hint = didYouMean(output, names) ?? `It has ${enumerate(names.map(quote))}`;
      this.report({ ...referenceIssue('unknown-output', part, pointer, message), hint });
      return undefined;
    }
    return { step, output, kind, pointer, part };
  }
}
