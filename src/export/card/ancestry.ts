import type { Ancestor, PlacedClaim } from '../../engine/step.js';

/** Where a model comes from, as the engine tells it. */
export interface Origin {
  /** The step that made the model. */
  readonly model: string;
  readonly claims: readonly PlacedClaim[];
  readonly lineage: readonly Ancestor[];
}

/** Inputs that bind what a model learns from, beside its data. */
const TEACHING = ['teacher', 'teachers', 'serve'];
/** Steps that pass on what another says. */
const RELAYS = ['cache-logits', 'ensemble-teachers'];

/** Steps that ask a model behind an API. */
const ASKING = ['query-teacher', 'synthesize-data'];
export const asks = ({ uses }: Ancestor): boolean => ASKING.includes(uses);

/** The steps that a model comes from, sorted by what they did for it. */
export class Ancestry {
  /** Those that the model was made of, itself among them; the others only judge it. */
  readonly made: readonly Ancestor[];
  /** Those that taught it, or a teacher of it. */
  readonly teachers: readonly Ancestor[];
  private readonly byId: ReadonlyMap<string, Ancestor>;

  constructor(readonly origin: Origin) {
    this.byId = new Map(origin.lineage.map((each) => [each.step, each]));
    const needed = new Set<string>();
    const visit = (id: string): void => {
      if (needed.has(id)) return;
      needed.add(id);
      for (const from of sources(this.byId.get(id))) visit(from);
    };
    visit(origin.model);
    this.made = origin.lineage.filter(({ step }) => needed.has(step));
    const taught = new Set(this.made.flatMap((each) => this.taughtBy(each)));
    this.teachers = this.made.filter((each) => taught.has(each.step) || asks(each));
  }

  /** The step that made the model; undefined where the engine did not tell. */
  get model(): Ancestor | undefined {
    return this.byId.get(this.origin.model);
  }

  /** Of the steps that the model was made of, those of a type. */
  of(uses: string): Ancestor[] {
    return this.made.filter((each) => each.uses === uses);
  }

  private taughtBy({ inputs }: Ancestor): string[] {
    return TEACHING.flatMap((name) => inputs[name] ?? []).flatMap((id) => {
      const source = this.byId.get(id);
      return source !== undefined && RELAYS.includes(source.uses) ? this.taughtBy(source) : [id];
    });
  }
}

const sources = (ancestor: Ancestor | undefined): string[] => Object.values(ancestor?.inputs ?? {}).flat();
