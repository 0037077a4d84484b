import { afterAll, describe, expect, test } from 'vitest';
import { registry } from './fixtures/claims-registry.js';
import { RecipeRig } from './fixtures/recipe-rig.js';

const rig = new RecipeRig(registry);
afterAll(() => rig.remove());

const env = { ASK_KEY: 'sk-from-outside' };
/** A recipe of these steps, each a line from the third one on. */
const recipe = (...steps: readonly string[]): string =>
  `version: 1\nname: a\nsteps:\n${steps.map((step) => `  ${step}\n`).join('')}`;
const errors = (text: string, given = { env }) => rig.errors(text, given);
const ask = (more = ''): string => `ask: { uses: ask, with: { data: "\${{ steps.rows.outputs.data }}"${more} } }`;
const learn = (from: string, more = ''): string =>
  `fit: { uses: fit, with: { data: "\${{ steps.${from}.outputs.data }}"${more} } }`;
const free = 'rows: { uses: rows, with: { use: any } }';
const inside = 'rows: { uses: rows, with: { use: inside } }';

describe('claims', () => {
  test('what goes against one is refused, naming both places', async () => {
    expect(await errors(recipe(inside, ask()))).toMatchInlineSnapshot(`
      "recipe.yaml:5:27 error: rows would leave (step "rows", recipe.yaml:4:36). Do not; or, if you may all the same, say why at the top of the recipe: acknowledge: {rows: "…"}
        |
      5 |   ask: { uses: ask, with: { data: "\${{ steps.rows.outputs.data }}" } }
        |                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `);
  });

  test('it holds for all that is made of it, and is told at the step where no option is to blame', async () => {
    expect(await errors(recipe(free, ask(', terms: none'), learn('ask')))).toMatchInlineSnapshot(`
      "recipe.yaml:6:3 error: this would train (step "ask", recipe.yaml:5:76). Do not; or, if you may all the same, say why at the top of the recipe: acknowledge: {ask: "…"}
        |
      6 |   fit: { uses: fit, with: { data: "\${{ steps.ask.outputs.data }}" } }
        |   ^^^"
    `);
  });

  test('every input counts, and each of several claims', async () => {
    const other = 'other: { uses: rows, with: { use: inside } }';
    const both = ask(', more: "${{ steps.other.outputs.data }}"');
    const text = await errors(recipe(inside, other, both));
    expect(text.match(/error: rows would leave/g)).toHaveLength(2);
    expect(text).toContain('(step "rows", recipe.yaml:4:36)');
    expect(text).toContain('(step "other", recipe.yaml:5:37)');
  });

  test('they follow a step that makes none, and none follow from a step that is only waited for', async () => {
    const local = 'local: { uses: ask, with: { data: "${{ steps.rows.outputs.data }}", far: false } }';
    const far = 'far: { uses: ask, with: { data: "${{ steps.local.outputs.data }}" } }';
    expect(await errors(recipe(inside, local, far))).toContain('recipe.yaml:6:');
    const waits = 'far: { uses: ask, needs: [rows], with: { data: "${{ steps.free.outputs.data }}" } }';
    await rig.plan(recipe(inside, 'free: { uses: rows, with: {} }', waits), { env });
  });

  test('a step that does not run claims nothing and is refused nothing', async () => {
    await rig.plan(recipe(inside, ask().replace('uses: ask', 'uses: ask, if: false')), { env });
    const off = inside.replace('uses: rows', 'uses: rows, if: false');
    await rig.plan(recipe(off, ask()), { env });
  });

  test('of a matrix, those that are refused are told once', async () => {
    const swept =
      'ask: { uses: ask, matrix: { far: [true, false], limit: [2, 3] }, with: { data: "${{ steps.rows.outputs.data }}", far: "${{ matrix.far }}", limit: "${{ matrix.limit }}" } }';
    const text = await errors(recipe(inside, swept));
    expect(text.match(/error:/g)).toHaveLength(1);
    expect(text).toContain('rows would leave');
  });
});

describe('a step that records claims', () => {
  const tell = 'tell: { uses: tell, with: { model: "${{ steps.fit.outputs.model }}" } }';

  test('is handed those on all that it comes from, with the reasons for going against them', async () => {
    const text = recipe(inside, ask(', terms: none'), learn('ask'), tell).replace(
      'steps:',
      'acknowledge: { rows: "We own them, see contract 17.", ask: "Written permission of 3 March." }\nsteps:',
    );
    const { instances } = await rig.plan(text, { env });
    expect(instances.map(({ id, claims }) => [id, claims])).toEqual([
      ['rows', undefined],
      ['ask', undefined],
      ['fit', undefined],
      [
        'tell',
        [
          {
            topic: 'use',
            value: 'inside',
            pointer: '/use',
            step: 'rows',
            acknowledged: 'We own them, see contract 17.',
          },
          {
            topic: 'terms',
            value: 'none',
            pointer: '/terms',
            step: 'ask',
            acknowledged: 'Written permission of 3 March.',
          },
        ],
      ],
    ]);
  });

  test('is handed none where there are none', async () => {
    const { instances } = await rig.plan(recipe(free, learn('rows'), tell), { env });
    expect(instances.at(-1)?.claims).toEqual([]);
  });
});

describe('acknowledge', () => {
  const withReason = (text: string, reasons: string): string =>
    text.replace('steps:', `acknowledge: ${reasons}\nsteps:`);

  test('a reason lets it pass, for that step only', async () => {
    const text = recipe(inside, ask(', terms: none'), learn('ask'));
    const half = await errors(withReason(text, '{ rows: "We own them, see contract 17." }'));
    expect(half).not.toContain('rows would leave');
    expect(half).toContain('this would train (step "ask"');
    const whole = '{ rows: "We own them, see contract 17.", ask: "Written permission of 3 March." }';
    expect((await rig.plan(withReason(text, whole), { env })).instances).toHaveLength(3);
  });

  test('it takes a reason that others understand, and a step that there is', async () => {
    expect(await errors(withReason(recipe(inside, ask()), '{ rows: ok }'))).toMatchInlineSnapshot(`
      "recipe.yaml:3:22 error: key "acknowledge.rows" of the recipe must be a reason that others will understand, not the string "ok"
        |
      3 | acknowledge: { rows: ok }
        |                      ^^"
    `);
    expect(await errors(withReason(recipe(free), '{ rwos: "We own them, see contract 17." }'))).toMatchInlineSnapshot(`
      "recipe.yaml:3:16 error: unknown step "rwos". Did you mean "rows"?
        |
      3 | acknowledge: { rwos: "We own them, see contract 17." }
        |                ^^^^"
    `);
  });
});

describe('what options ask for', () => {
  test('an output that a step has only with other options', async () => {
    const soft = learn('ask', ', teacher: "${{ steps.ask.outputs.logits }}"');
    await rig.plan(recipe(free, ask(), soft), { env });
    expect(await errors(recipe(free, ask(', soft: false'), soft))).toMatchInlineSnapshot(`
      "recipe.yaml:6:78 error: step "ask" (ask) has no output "logits" with these options. It has "data"
        |
      6 |   fit: { uses: fit, with: { data: "\${{ steps.ask.outputs.data }}", teacher: "\${{ steps.ask.outputs.logits }}" } }
        |                                                                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `);
    const out = `${recipe(free, ask(', soft: false'))}outputs: { logits: "\${{ steps.ask.outputs.logits }}" }\n`;
    expect(await errors(out)).toMatchInlineSnapshot(`
      "recipe.yaml:6:21 error: step "ask" (ask) has no output "logits" with these options. It has "data"
        |
      6 | outputs: { logits: "\${{ steps.ask.outputs.logits }}" }
        |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `);
  });

  test('a variable without which a step cannot run', async () => {
    expect(await errors(recipe(free, ask()), { env: {} } as never)).toMatchInlineSnapshot(`
      "recipe.yaml:5:3 error: step "ask" (ask) needs the environment variable ASK_KEY, which is not set. Set it first: export ASK_KEY=…
        |
      5 |   ask: { uses: ask, with: { data: "\${{ steps.rows.outputs.data }}" } }
        |   ^^^"
    `);
    await rig.plan(recipe(free, ask(', far: false')), { env: {} });
    await rig.plan(recipe(free, ask(', key: "${{ env.OTHER }}"')), { env: { OTHER: 'sk-other' } });
    await rig.plan(recipe(free, ask().replace('uses: ask', 'uses: ask, if: false')), { env: {} });
  });

  test('what no schema can say, also of a default, and of what comes from the environment', async () => {
    expect(await errors(recipe(free, ask(', limit: 1')))).toMatchInlineSnapshot(`
      "recipe.yaml:5:76 error: 1 is too little. Take 2
        |
      5 |   ask: { uses: ask, with: { data: "\${{ steps.rows.outputs.data }}", limit: 1 } }
        |                                                                            ^"
    `);
    const kept = await errors(recipe(free, ask(', note: "${{ env.ASK_KEY }}"')));
    expect(kept).toMatchInlineSnapshot(`
      "recipe.yaml:5:75 error: this is kept
        |
      5 |   ask: { uses: ask, with: { data: "\${{ steps.rows.outputs.data }}", note: "\${{ env.ASK_KEY }}" } }
        |                                                                           ^^^^^^^^^^^^^^^^^^^^"
    `);
    expect(kept).not.toContain('sk-from-outside');
  });

  test('only the schema is told where that is broken already', async () => {
    const text = await errors(recipe(free, ask(', limit: 1, soft: 3')));
    expect(text.match(/error:/g)).toHaveLength(1);
    expect(text).toContain('soft');
  });
});

describe('a secret in the recipe', () => {
  const SECRET = 'sk-zebra-4711';

  test.each([
    ['as it is', ask(`, key: ${SECRET}`)],
    ['in a list', ask(`, key: ["\${{ env.ASK_KEY }}", ${SECRET}]`)],
    ['beside another mistake', ask(`, key: ${SECRET}, colour: 3, limit: x`)],
  ])('is not printed: %s', async (_, step) => {
    const text = await errors(recipe(free, step));
    expect(text).toContain('a secret has to come from the environment, and this one stands in the recipe');
    expect(text).not.toContain('zebra');
  });

  test('nor where it comes from a param, its default, --set or a matrix', async () => {
    const step = ask(', key: "${{ params.key }}"');
    const text = `version: 1\nname: a\nparams: { key: { type: string, default: ${SECRET} } }\n${recipe(free, step).split('\n').slice(2).join('\n')}`;
    for (const printed of [
      await errors(text),
      await rig.errors(text, { env, set: { 'params.key': 'sk-zebra-set' } }),
      await errors(
        recipe(free, ask(', key: "${{ matrix.key }}"').replace('uses: ask', `uses: ask, matrix: { key: [${SECRET}] }`)),
      ),
    ]) {
      expect(printed).toContain('a secret has to come from the environment');
      expect(printed).not.toContain('zebra');
    }
  });

  test('from the environment it is in no plan', async () => {
    const plan = await rig.plan(recipe(free, ask(', key: ["${{ env.ASK_KEY }}", "${{ env.SECOND }}"]')), {
      env: { ...env, SECOND: 'sk-second' },
    });
    expect(plan.instances[1]?.environment).toEqual([
      { pointer: '/key/0', name: 'ASK_KEY' },
      { pointer: '/key/1', name: 'SECOND' },
    ]);
    expect(JSON.stringify(plan)).not.toMatch(/sk-(from|second)/);
  });
});
