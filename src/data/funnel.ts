import { Tally } from './tally.js';
import { cutText } from './text.js';

/** How many examples a stage keeps, and how much of each. */
const EXAMPLES = 3;
const SHOWN = 200;

/** A row that was left out. */
export interface Example {
  /** How it begins. */
  readonly text: string;
  readonly reason: string;
}

/** What took rows out, and which. */
export class FunnelStage {
  readonly dropped = new Tally();
  readonly examples: Example[] = [];

  constructor(readonly name: string) {}

  /** @param text of the row, asked for where it is shown */
  drop(label: string | null, text: () => string, reason: string): void {
    this.dropped.add(label);
    if (this.examples.length < EXAMPLES) this.examples.push({ text: cutText(text(), SHOWN), reason });
  }
}

/** What became of the rows of a source, in the order of the work. */
export class Funnel {
  readonly read = new Tally();
  private readonly all: FunnelStage[] = [];

  /** A further stage. */
  stage(name: string): FunnelStage {
    const stage = new FunnelStage(name);
    this.all.push(stage);
    return stage;
  }

  /** Those that took rows. */
  get stages(): readonly FunnelStage[] {
    return this.all.filter(({ dropped }) => dropped.total > 0);
  }

  /** The stage that took the most. */
  get widest(): FunnelStage | undefined {
    return [...this.stages].sort((a, b) => b.dropped.total - a.dropped.total)[0];
  }

  /** `funnel.json`: every stage, and rows by label, also of what is left. */
  toJson(splits: Readonly<Record<string, Tally>>): object {
    const kept = Object.values(splits).reduce((sum, { total }) => sum + total, 0);
    return {
      read: { rows: this.read.total, labels: this.read.byLabel },
      stages: this.all.map(({ name, dropped, examples }) => ({
        name,
        rows: dropped.total,
        labels: dropped.byLabel,
        examples,
      })),
      kept,
      splits: Object.fromEntries(
        Object.entries(splits).map(([name, tally]) => [name, { rows: tally.total, labels: tally.byLabel }]),
      ),
    };
  }
}
