import { Binder } from './bind.js';
import type { Issue } from './issue.js';
import { child } from './pointer.js';
import type { Registry } from './registry.js';
import type { Unrolled } from './unroll.js';
import { quote } from './words.js';

/** Reports what is wrong with what rounds hand on, where it is written: a step that takes it says nothing of that. */
export function reportCarried(recipe: Unrolled, registry: Registry, report: (issue: Issue) => void): void {
  let issues = 0;
  const binder = new Binder(recipe, registry, (issue) => {
    issues++;
    report(issue);
  });
  for (const of of recipe.rounds.values()) {
    for (const [key, texts, from] of [
      ['first', of.first, undefined],
      ['next', of.next, { of, number: 1 }],
    ] as const) {
      for (const [name, text] of texts) {
        const pointer = child(child(of.pointer, key), name);
        issues = 0;
        const owner = `${quote(name)} in "${key}" of rounds ${quote(of.id)}`;
        const found = binder.outputs(text, pointer, owner, from);
        if (issues > 0 || found.length === 1) continue;
        const message =
          found.length > 1 ? `${owner} must be one output, not those of all rounds` : `${owner} waits for itself`;
        report({ code: found.length > 1 ? 'matrix-into-single-input' : 'cycle', message, pointer, at: 'value' });
      }
    }
  }
}
