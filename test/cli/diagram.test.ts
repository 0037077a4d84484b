import { expect, test } from 'vitest';
import { dot, mermaid } from '../../src/cli/diagram.js';
import type { Plan, StepInstance } from '../../src/engine/plan.js';

const instance = (id: string, step: string, needs: readonly string[], enabled = true): StepInstance => ({
  id,
  step,
  uses: 'train',
  options: {},
  inputs: {},
  needs,
  seed: 1,
  enabled,
  retry: 0,
  cache: true,
  files: [],
  packages: [],
  environment: [],
  place: { line: 1, column: 1, length: 1 },
});

const plan: Plan = {
  file: '/r.yaml',
  name: 'a "b"',
  description: '',
  seed: 1,
  params: {},
  places: {},
  instances: [
    instance('s[text="<x>#\\"]', 's', []),
    instance('end', 'end', ['s[text="<x>#\\"]', 's[text="<x>#\\"]'], false),
  ],
  outputs: {},
};

test('ids cannot break out of a Mermaid label; each edge is drawn once; what is off is dashed', () => {
  expect(mermaid(plan)).toBe(`flowchart LR
  subgraph g0["s"]
    n0["s[text=#34;#60;x#62;#35;\\#34;]<br/><small>train</small>"]
  end
  n1["end<br/><small>train</small>"]
  n0 --> n1
  classDef off stroke-dasharray: 4
  class n1 off
`);
});

test('nor out of a DOT label', () => {
  expect(dot(plan)).toBe(`digraph "a \\"b\\"" {
  rankdir=LR;
  node [shape=box];
  subgraph cluster_0 {
    label="s";
    n0 [label="s[text=\\"<x>#\\\\\\"]\\ntrain"];
  }
  n1 [label="end\\ntrain", style=dashed];
  n0 -> n1;
}
`);
});

test('the steps of a round stand in one box', () => {
  const inRound = (step: string, round: number, needs: readonly string[]): StepInstance => ({
    ...instance(`${step}[round=${round}]`, step, needs),
    round: `again, round ${round}`,
  });
  const instances = [
    inRound('pick', 1, []),
    inRound('learn', 1, ['pick[round=1]']),
    inRound('pick', 2, ['learn[round=1]']),
    inRound('learn', 2, ['pick[round=2]']),
  ];
  expect(mermaid({ ...plan, instances })).toBe(`flowchart LR
  subgraph g0["again, round 1"]
    n0["pick[round=1]<br/><small>train</small>"]
    n1["learn[round=1]<br/><small>train</small>"]
  end
  subgraph g1["again, round 2"]
    n2["pick[round=2]<br/><small>train</small>"]
    n3["learn[round=2]<br/><small>train</small>"]
  end
  n0 --> n1
  n1 --> n2
  n2 --> n3
`);
});
