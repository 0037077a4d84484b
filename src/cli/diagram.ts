import type { Plan, StepInstance } from '../engine/plan.js';

interface Node {
  readonly key: string;
  readonly instance: StepInstance;
}

/** Nodes get keys of their own (`n0`, `n1`, …): an instance id holds brackets, commas and equals signs. */
function nodes(plan: Plan): Map<string, Node> {
  return new Map(plan.instances.map((instance, i) => [instance.id, { key: `n${i}`, instance }]));
}

/** The instances of each recipe step, or of each round, in the plan's order. */
function groups(plan: Plan): Map<string, StepInstance[]> {
  const found = new Map<string, StepInstance[]>();
  for (const instance of plan.instances) {
    const key = instance.round ?? instance.step;
    found.set(key, [...(found.get(key) ?? []), instance]);
  }
  return found;
}

/** Needed → needing, each pair once. */
function edges(plan: Plan, byId: ReadonlyMap<string, Node>): [string, string][] {
  return plan.instances.flatMap(({ id, needs }) =>
    [...new Set(needs)].flatMap((need): [string, string][] => {
      const from = byId.get(need)?.key;
      const to = byId.get(id)?.key;
      return from && to ? [[from, to]] : [];
    }),
  );
}

const isBox = (instances: readonly StepInstance[]): boolean => instances.some(({ id, step }) => id !== step);

/** The plan as a Mermaid flowchart; the instances of a matrix, or of a round, stand in one box. */
export function mermaid(plan: Plan): string {
  const label = (text: string): string => text.replace(/[&<>"#`]/g, (c) => `#${c.charCodeAt(0)};`);
  const byId = nodes(plan);
  const node = ({ id, uses }: StepInstance): string => {
    return `${byId.get(id)?.key}["${label(id)}<br/><small>${label(uses)}</small>"]`;
  };
  const boxes = [...groups(plan)].flatMap(([name, instances], i) =>
    isBox(instances)
      ? [`  subgraph g${i}["${label(name)}"]`, ...instances.map((instance) => `    ${node(instance)}`), '  end']
      : instances.map((instance) => `  ${node(instance)}`),
  );
  const off = plan.instances.filter(({ enabled }) => !enabled).map(({ id }) => byId.get(id)?.key);
  const disabled = off.length > 0 ? ['  classDef off stroke-dasharray: 4', `  class ${off.join(',')} off`] : [];
  const arrows = edges(plan, byId).map(([from, to]) => `  ${from} --> ${to}`);
  return `${['flowchart LR', ...boxes, ...arrows, ...disabled].join('\n')}\n`;
}

/** The plan in the DOT language of Graphviz; the instances of a matrix, or of a round, stand in one box. */
export function dot(plan: Plan): string {
  const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;
  const byId = nodes(plan);
  const node = ({ id, uses, enabled }: StepInstance): string => {
    const style = enabled ? '' : ', style=dashed';
    return `${byId.get(id)?.key} [label=${quote(`${id}\n${uses}`)}${style}];`;
  };
  const boxes = [...groups(plan)].flatMap(([name, instances], i) =>
    isBox(instances)
      ? [
          `  subgraph cluster_${i} {`,
          `    label=${quote(name)};`,
          ...instances.map((instance) => `    ${node(instance)}`),
          '  }',
        ]
      : instances.map((instance) => `  ${node(instance)}`),
  );
  const arrows = edges(plan, byId).map(([from, to]) => `  ${from} -> ${to};`);
  const head = [`digraph ${quote(plan.name)} {`, '  rankdir=LR;', '  node [shape=box];'];
  return `${[...head, ...boxes, ...arrows, '}'].join('\n')}\n`;
}
