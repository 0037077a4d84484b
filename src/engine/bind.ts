import type { Json } from '../util/json.js';
import type { Issue } from './issue.js';
import { child } from './pointer.js';
import type { RecipeStep, Round } from './recipe.js';
import { parseTemplate, type ReferencePart, wholeReference } from './reference.js';
import type { Registry } from './registry.js';
import { referenceIssue } from './resolve.js';
import { type InputSpec, kindsOf, outputKind } from './step.js';
import { didYouMean } from './suggest.js';
import { idsOf, keysOf, type Unrolled } from './unroll.js';
import { describe, enumerate, quote, withArticle } from './words.js';

/** An output of a recipe step (of all its instances, if it has a matrix) and where it is named. */
export interface OutputUse {
  /** The step's key. */
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
    private readonly recipe: Unrolled,
    private readonly registry: Registry,
    private readonly report: (issue: Issue) => void,
    /** Texts of `first` and `next` that are being followed, so that none is followed in a circle. */
    private readonly following: ReadonlySet<string> = new Set(),
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
      const found = this.outputs(item, at, owner, step.round);
      const [use] = found;
      if (use === undefined) return [];
      if (found.some(({ step: key }) => key === step.key)) {
        const message = `step ${quote(step.id)} cannot take its own output`;
        this.report(referenceIssue('self-reference', use.part, at, message));
        return [];
      }
      for (const each of found) this.checkKind(each, name, step, spec);
      return found;
    });
  }

  private checkKind(use: OutputUse, name: string, step: RecipeStep, spec: InputSpec): void {
    const producer = this.recipe.steps.get(use.step) as RecipeStep;
    const output = `output ${quote(use.output)} of step ${quote(producer.id)}`;
    const input = `input ${quote(name)} of step ${quote(step.id)}`;
    if (use.kind !== undefined && !kindsOf(spec).includes(use.kind)) {
      const message = `${output} is ${withArticle(use.kind)}, but ${input} takes ${enumerate(kindsOf(spec).map(withArticle), 'or')}`;
      this.report(referenceIssue('wrong-kind', use.part, use.pointer, message));
    } else if (!spec.list && listedBy(producer, use, step) !== undefined) {
      const message = `step ${quote(producer.id)} ${listedBy(producer, use, step)}, so its output ${quote(use.output)} is a list, but ${input} takes one ${enumerate(kindsOf(spec), 'or')}`;
      const { round } = producer;
      const hint = round && `The last round's is \${{ rounds.${round.of.id}.outputs.NAME }}, with NAME as in "next"`;
      this.report({ ...referenceIssue('matrix-into-single-input', use.part, use.pointer, message), hint });
    }
  }

  /**
   * The output that a text names, as its only content: of one step, or of a step in rounds, outside of them, each round's.
   * @param from the round in which the text stands
   */
  outputs(value: Json, pointer: string, owner: string, from?: Round): OutputUse[] {
    const parts = typeof value === 'string' ? parseTemplate(value) : [];
    const bad = parts.find((part) => part.type === 'bad');
    if (bad) {
      this.report({ ...referenceIssue('bad-reference', bad, pointer, bad.message), hint: bad.hint });
      return [];
    }
    const part = wholeReference(parts);
    switch (part?.reference.kind) {
      case 'output': {
        const { step, output } = part.reference;
        const keys = keysOf(step, this.recipe, from);
        if (keys) return keys.flatMap((key) => this.find(key, output, pointer, part) ?? []);
        const hint = didYouMean(step, idsOf(this.recipe));
        this.report({ ...referenceIssue('unknown-step', part, pointer, `unknown step ${quote(step)}`), hint });
        return [];
      }
      case 'before':
        return this.before(part.reference.name, pointer, part, from);
      case 'rounds':
        return this.last(part.reference.rounds, part.reference.output, pointer, part, from);
      default: {
        const message = `${owner} must be an output of a step, not ${part ? part.raw : describe(value)}`;
        const hint = 'Write ${{ steps.ID.outputs.NAME }}';
        this.report({ code: 'not-an-output', message, hint, pointer, at: 'value' });
        return [];
      }
    }
  }

  /** What the round before has made; of the first round, what stands in for it. */
  private before(name: string, pointer: string, part: ReferencePart, from: Round | undefined): OutputUse[] {
    if (from === undefined) {
      const message = `${part.raw} has no meaning outside of rounds`;
      this.report(referenceIssue('misplaced-reference', part, pointer, message));
      return [];
    }
    const { of, number } = from;
    if (number > 1) return this.carried(of.next.get(name), { of, number: number - 1 }, pointer, part);
    const text = of.first.get(name);
    if (text !== undefined) return this.carried(text, undefined, pointer, part);
    const hint = didYouMean(name, of.first.keys()) ?? `Give it: first: { ${name}: "\${{ steps.ID.outputs.NAME }}" }`;
    const message = `the first round of ${quote(of.id)} has no ${quote(name)} before it`;
    this.report({ ...referenceIssue('unknown-output', part, pointer, message), hint });
    return [];
  }

  /** What the last round has made. */
  private last(id: string, name: string, pointer: string, part: ReferencePart, from: Round | undefined): OutputUse[] {
    const { rounds, counts } = this.recipe;
    const of = rounds.get(id);
    const fail = (code: string, message: string, hint?: string): OutputUse[] => {
      this.report({ ...referenceIssue(code, part, pointer, message), hint });
      return [];
    };
    if (of === undefined) return fail('unknown-step', `unknown rounds ${quote(id)}`, didYouMean(id, rounds.keys()));
    if (from?.of === of)
      return fail(
        'self-reference',
        `rounds ${quote(id)} cannot take what their last round makes`,
        'Write ${{ before.NAME }}',
      );
    const text = of.next.get(name);
    if (text !== undefined) return this.carried(text, { of, number: counts.get(id) as number }, pointer, part);
    const hint = didYouMean(name, of.next.keys()) ?? `It has ${enumerate([...of.next.keys()].map(quote))}`;
    return fail('unknown-output', `"next" of rounds ${quote(id)} has no ${quote(name)}`, hint);
  }

  /** What a text of `first` or `next` names, used elsewhere. What is wrong with the text is reported where it stands. */
  private carried(
    text: string | undefined,
    from: Round | undefined,
    pointer: string,
    part: ReferencePart,
  ): OutputUse[] {
    const key = JSON.stringify([text, from?.of.id, from?.number]);
    if (text === undefined || this.following.has(key)) return [];
    const quiet = new Binder(this.recipe, this.registry, () => {}, new Set([...this.following, key]));
    return quiet.outputs(text, pointer, '', from).map((use) => ({ ...use, pointer, part }));
  }

  private find(step: string, output: string, pointer: string, part: ReferencePart): OutputUse | undefined {
    const producer = this.recipe.steps.get(step) as RecipeStep;
    const type = producer.uses === undefined ? undefined : this.registry.get(producer.uses);
    if (!type) return { step, output, kind: undefined, pointer, part };
    const kind = outputKind(type, output);
    if (kind === undefined) {
      const names = Object.keys(type.outputs);
      const message = `step ${quote(producer.id)} (${type.name}) has no output ${quote(output)}`;
      const hint = didYouMean(output, names) ?? `It has ${enumerate(names.map(quote))}`;
      this.report({ ...referenceIssue('unknown-output', part, pointer, message), hint });
      return undefined;
    }
    return { step, output, kind, pointer, part };
  }
}

/** Why an output is a list, to a step or to the recipe, in words; undefined if it is none. */
export function listedBy({ matrix, round }: RecipeStep, { part }: OutputUse, user?: RecipeStep): string | undefined {
  if ([...matrix.keys()].some((key) => key !== 'round' || round === undefined)) return 'has a matrix';
  if (round === undefined || round.of === user?.round?.of) return undefined;
  return part.reference.kind === 'output' ? 'is in rounds' : undefined;
}
