import { afterAll, describe, expect, test } from 'vitest';
import { RecipeRig } from './fixtures/recipe-rig.js';

const rig = new RecipeRig();
afterAll(() => rig.remove());

/** Every error of a recipe is compared as a whole, as a person sees it. */
const errors = (...args: Parameters<RecipeRig['errors']>) => rig.errors(...args);
const steps = (text: string) => `version: 1\nname: demo\nsteps:\n${text}`;
const train = (lines: string) =>
  steps(`  c: { uses: corpus }\n  t:\n    uses: train\n    with:\n      data: \${{ steps.c.outputs.train }}\n${lines}`);

describe('the file', () => {
  test('missing', async () => {
    expect(await rig.errorsOf(`${rig.folder}/none.yaml`)).toMatchInlineSnapshot(
      `"none.yaml error: there is no such file"`,
    );
  });
  test('a folder', async () => {
    expect((await rig.errorsOf(rig.folder)).replace(/^.* error/, 'FOLDER error')).toMatchInlineSnapshot(
      `"FOLDER error: this is a folder, not a recipe. Name the .yaml file in it"`,
    );
  });
  test('bad UTF-8', async () => {
    expect(
      await errors(Buffer.concat([Buffer.from('version: 1\nname: "é'), Buffer.from([0xff]), Buffer.from('"\n')])),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:2:9 error: the byte 0xFF is not valid UTF-8. Save the file as UTF-8
        |
      2 | name: "é�"
        |         ^"
    `);
  });
  test('empty', async () => {
    expect(await errors('# only a comment\n')).toMatchInlineSnapshot(`"recipe.yaml error: the recipe is empty"`);
  });
  test('not a mapping', async () => {
    expect(await errors('- version: 1\n')).toMatchInlineSnapshot(`
      "recipe.yaml:1:1 error: a recipe is a mapping, with keys such as "name:" and "steps:"
        |
      1 | - version: 1
        | ^^^^^^^^^^^^"
    `);
  });
});

describe('YAML', () => {
  test('syntax error', async () => {
    expect(await errors('version: 1\nname: "demo\nsteps: {}\n')).toMatchInlineSnapshot(`
      "recipe.yaml:2:7 error: this quote is never closed
        |
      2 | name: "demo
        |       ^"
    `);
  });
  test('tabs', async () => {
    expect(await errors('version: 1\nsteps:\n\ta: 1\n\tb: 2\n')).toMatchInlineSnapshot(`
      "recipe.yaml:3:1 error: a tab cannot indent YAML. Use spaces
        |
      3 | 	a: 1
        | ^

      recipe.yaml:4:1 error: a tab cannot indent YAML. Use spaces
        |
      4 | 	b: 2
        | ^"
    `);
  });
  test('unquoted reference in a flow mapping', async () => {
    expect(await errors(steps('  a: { uses: corpus, with: { gold: ${{ params.x }} } }\n'))).toMatchInlineSnapshot(`
      "recipe.yaml:4:36 error: inside { } and [ ] a reference needs quotes. Write "\${{ … }}"
        |
      4 |   a: { uses: corpus, with: { gold: \${{ params.x }} } }
        |                                    ^^^"
    `);
  });
  test('several documents', async () => {
    expect(await errors('version: 1\n---\nversion: 1\n')).toMatchInlineSnapshot(`
      "recipe.yaml:2:1 error: a file holds one recipe, but a second document begins here. Make two files of it
        |
      2 | ---
        | ^^^"
    `);
  });
  test('YAML 1.1', async () => {
    expect(await errors('%YAML 1.1\n---\nversion: 1\n')).toMatchInlineSnapshot(`
      "recipe.yaml:1:1 error: a recipe is YAML 1.2. Remove this line
        |
      1 | %YAML 1.1
        | ^^^^^^^^^"
    `);
  });
  test('tags', async () => {
    expect(
      await errors('version: 1\nname: !!js/function "x"\nsteps: { a: !run { uses: corpus } }\n'),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:2:7 error: recipes have no tags such as "!!js/function". Remove it
        |
      2 | name: !!js/function "x"
        |       ^^^^^^^^^^^^^

      recipe.yaml:3:13 error: recipes have no tags such as "!run". Remove it
        |
      3 | steps: { a: !run { uses: corpus } }
        |             ^^^^"
    `);
  });
  test('duplicate key', async () => {
    expect(await errors(steps('  a:\n    uses: corpus\n    uses: train\n  a: 1\n'))).toMatchInlineSnapshot(`
      "recipe.yaml:6:5 error: the key "uses" is already given above
        |
      6 |     uses: train
        |     ^^^^

      recipe.yaml:7:3 error: the key "a" is already given above
        |
      7 |   a: 1
        |   ^"
    `);
  });
  test('__proto__', async () => {
    expect(await errors(steps('  a: { uses: corpus, with: { __proto__: { gold: 1 } } }\n'))).toMatchInlineSnapshot(`
      "recipe.yaml:4:30 error: the key "__proto__" is not allowed
        |
      4 |   a: { uses: corpus, with: { __proto__: { gold: 1 } } }
        |                              ^^^^^^^^^"
    `);
  });
  test('key that is no text', async () => {
    expect(await errors(steps('  ? [a]\n  : { uses: corpus }\n  b: { uses: corpus }\n'))).toMatchInlineSnapshot(`
      "recipe.yaml:4:5 error: a key is a plain text
        |
      4 |   ? [a]
        |     ^^^"
    `);
  });
  test('unknown anchor', async () => {
    expect(await errors(steps('  a: *b\n'))).toMatchInlineSnapshot(`
      "recipe.yaml:4:6 error: there is no anchor "&b" above
        |
      4 |   a: *b
        |      ^^"
    `);
  });
  test('anchor inside itself', async () => {
    expect(await errors('version: 1\nname: demo\nsteps: &s { a: *s }\n')).toMatchInlineSnapshot(`
      "recipe.yaml:3:16 error: the anchor "&s" contains itself
        |
      3 | steps: &s { a: *s }
        |                ^^"
    `);
  });
  test('numbers', async () => {
    expect(
      await errors(
        'version: 1\nname: demo\nseed: 12345678901234567890\nsteps: { a: { uses: corpus, with: { gold: .inf } } }\n',
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:3:7 error: the integer 12345678901234567890 is too large to be exact. Quote it if it is a text
        |
      3 | seed: 12345678901234567890
        |       ^^^^^^^^^^^^^^^^^^^^

      recipe.yaml:4:43 error: .inf is not a number that a recipe can hold
        |
      4 | steps: { a: { uses: corpus, with: { gold: .inf } } }
        |                                           ^^^^"
    `);
  });
});

describe('the shell', () => {
  test('unknown keys', async () => {
    expect(
      await errors(steps('  a: { use: corpus }\n  b: { uses: corpus, retries: 2 }\noutput: {}\n')),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:4:8 error: unknown key "use" in step "a". Did you mean "uses"?
        |
      4 |   a: { use: corpus }
        |        ^^^

      recipe.yaml:5:22 error: unknown key "retries" in step "b". Did you mean "retry"?
        |
      5 |   b: { uses: corpus, retries: 2 }
        |                      ^^^^^^^

      recipe.yaml:6:1 error: unknown key "output" in the recipe. Did you mean "outputs"?
        |
      6 | output: {}
        | ^^^^^^"
    `);
  });
  test('missing keys', async () => {
    expect(await errors('description: nothing\n')).toMatchInlineSnapshot(`
      "recipe.yaml error: the recipe needs the key "version"

      recipe.yaml error: the recipe needs the key "name"

      recipe.yaml error: the recipe needs the key "steps""
    `);
  });
  test('wrong types', async () => {
    expect(
      await errors(
        'version: 2\nname: Demo Recipe\nseed: -1\nsteps:\n  a: { uses: 3 }\n  b: corpus\n  c: { uses: corpus, retry: 11, timeout: 10 min, cache: yes, needs: a }\n  d: { uses: corpus, matrix: { seed: [], gold: 3 } }\n',
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:1:10 error: key "version" of the recipe must be 1, not 2
        |
      1 | version: 2
        |          ^

      recipe.yaml:2:7 error: key "name" of the recipe must be in kebab-case, such as "tiny-bert", not the string "Demo Recipe"
        |
      2 | name: Demo Recipe
        |       ^^^^^^^^^^^

      recipe.yaml:3:7 error: key "seed" of the recipe must be at least 0, not -1
        |
      3 | seed: -1
        |       ^^

      recipe.yaml:5:14 error: key "uses" of step "a" must be a string, not 3
        |
      5 |   a: { uses: 3 }
        |              ^

      recipe.yaml:6:6 error: step "b" must be a mapping, not the string "corpus"
        |
      6 |   b: corpus
        |      ^^^^^^

      recipe.yaml:7:29 error: key "retry" of step "c" must be at most 10, not 11
        |
      7 |   c: { uses: corpus, retry: 11, timeout: 10 min, cache: yes, needs: a }
        |                             ^^

      recipe.yaml:7:42 error: key "timeout" of step "c" must be a duration such as 90s, 10m or 2h, at most 500h, not the string "10 min"
        |
      7 |   c: { uses: corpus, retry: 11, timeout: 10 min, cache: yes, needs: a }
        |                                          ^^^^^^

      recipe.yaml:7:57 error: key "cache" of step "c" must be true or false, not the string "yes"
        |
      7 |   c: { uses: corpus, retry: 11, timeout: 10 min, cache: yes, needs: a }
        |                                                         ^^^

      recipe.yaml:7:69 error: key "needs" of step "c" must be a list, not the string "a"
        |
      7 |   c: { uses: corpus, retry: 11, timeout: 10 min, cache: yes, needs: a }
        |                                                                     ^

      recipe.yaml:8:38 error: key "matrix.seed" of step "d" must have at least 1 item
        |
      8 |   d: { uses: corpus, matrix: { seed: [], gold: 3 } }
        |                                      ^^

      recipe.yaml:8:48 error: key "matrix.gold" of step "d" must be a list, not 3
        |
      8 |   d: { uses: corpus, matrix: { seed: [], gold: 3 } }
        |                                                ^"
    `);
  });
  test('no steps', async () => {
    expect(await errors('version: 1\nname: demo\nsteps: {}\n')).toMatchInlineSnapshot(`
      "recipe.yaml:3:8 error: key "steps" of the recipe must be a mapping with at least one step
        |
      3 | steps: {}
        |        ^^"
    `);
  });
  test('steps without a value', async () => {
    expect(await errors('version: 1\nname: demo\nsteps:\n')).toMatchInlineSnapshot(`
      "recipe.yaml:3:1 error: key "steps" of the recipe must be a mapping, not null
        |
      3 | steps:
        | ^^^^^"
    `);
  });
  test('step ids', async () => {
    expect(
      await errors(steps('  2: { uses: corpus }\n  a b: { uses: corpus }\n  _c: { uses: corpus }\n')),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:4:3 error: "2" is not a valid name: a letter, then letters, digits, "_" or "-"
        |
      4 |   2: { uses: corpus }
        |   ^

      recipe.yaml:5:3 error: "a b" is not a valid name: a letter, then letters, digits, "_" or "-"
        |
      5 |   a b: { uses: corpus }
        |   ^^^

      recipe.yaml:6:3 error: "_c" is not a valid name: a letter, then letters, digits, "_" or "-"
        |
      6 |   _c: { uses: corpus }
        |   ^^"
    `);
  });
});

describe('steps', () => {
  test('unknown step type', async () => {
    expect(await errors(steps('  a: { uses: trian }\n  b: { uses: magic }\n'))).toMatchInlineSnapshot(`
      "recipe.yaml:4:14 error: unknown step type "trian". Did you mean "train"?
        |
      4 |   a: { uses: trian }
        |              ^^^^^

      recipe.yaml:5:14 error: unknown step type "magic". The command "recipe steps" lists them
        |
      5 |   b: { uses: magic }
        |              ^^^^^"
    `);
  });
  test('unknown options', async () => {
    expect(
      await errors(
        train(
          '      model: { type: bert, hiden: 64 }\n      temprature: 2\n      stages:\n        - objectives: [hard-label]\n        - objectives: [hard-label, { type: soft-label, wieght: 3 }]\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:9:28 error: unknown option "hiden" in model of step "t" (train). Did you mean "hidden"?
        |
      9 |       model: { type: bert, hiden: 64 }
        |                            ^^^^^

      recipe.yaml:10:7 error: unknown option "temprature" in step "t" (train). Did you mean "temperature"?
         |
      10 |       temprature: 2
         |       ^^^^^^^^^^

      recipe.yaml:13:56 error: unknown option "wieght" in stages[1].objectives[1] of step "t" (train). Did you mean "weight"?
         |
      13 |         - objectives: [hard-label, { type: soft-label, wieght: 3 }]
         |                                                        ^^^^^^"
    `);
  });
  test('misspelt input', async () => {
    expect(
      await errors(
        steps(
          '  c: { uses: corpus }\n  t: { uses: train, with: { dat: "${{ steps.c.outputs.train }}", model: { type: logistic } } }\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:5:29 error: unknown option "dat" in step "t" (train). Did you mean "data"?
        |
      5 |   t: { uses: train, with: { dat: "\${{ steps.c.outputs.train }}", model: { type: logistic } } }
        |                             ^^^"
    `);
  });
  test('wrong types and ranges', async () => {
    expect(
      await errors(
        train(
          '      model: { type: bert, hidden: wide, heads: 2.5 }\n      epochs: 0\n      note: [a]\n      stages: [{ objectives: [3, hard] }, { objectives: [] }]\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:9:36 error: option "model.hidden" of step "t" (train) must be an integer, not the string "wide"
        |
      9 |       model: { type: bert, hidden: wide, heads: 2.5 }
        |                                    ^^^^

      recipe.yaml:9:49 error: option "model.heads" of step "t" (train) must be an integer, not 2.5
        |
      9 |       model: { type: bert, hidden: wide, heads: 2.5 }
        |                                                 ^^^

      recipe.yaml:10:15 error: option "epochs" of step "t" (train) must be at least 1, not 0
         |
      10 |       epochs: 0
         |               ^

      recipe.yaml:11:13 error: option "note" of step "t" (train) must be a string, not a list
         |
      11 |       note: [a]
         |             ^^^

      recipe.yaml:12:31 error: option "stages[0].objectives[0]" of step "t" (train) must be a string or a mapping, not 3
         |
      12 |       stages: [{ objectives: [3, hard] }, { objectives: [] }]
         |                               ^

      recipe.yaml:12:34 error: option "stages[0].objectives[1]" of step "t" (train) must be one of "hard-label", "soft-label", not the string "hard". Did you mean "hard-label"?
         |
      12 |       stages: [{ objectives: [3, hard] }, { objectives: [] }]
         |                                  ^^^^

      recipe.yaml:12:57 error: option "stages[1].objectives" of step "t" (train) must have at least 1 item
         |
      12 |       stages: [{ objectives: [3, hard] }, { objectives: [] }]
         |                                                         ^^"
    `);
  });
  test('unknown and missing tag', async () => {
    expect(
      await errors(train('      model: { hidden: 3 }\n      stages: [{ objectives: [{ type: soft-lable }] }]\n')),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:9:7 error: model of step "t" (train) needs the option "type". It is one of "bert", "logistic"
        |
      9 |       model: { hidden: 3 }
        |       ^^^^^

      recipe.yaml:10:39 error: option "stages[0].objectives[0].type" of step "t" (train) must be one of "hard-label", "soft-label", not the string "soft-lable". Did you mean "soft-label"?
         |
      10 |       stages: [{ objectives: [{ type: soft-lable }] }]
         |                                       ^^^^^^^^^^"
    `);
  });
  test('missing option and input', async () => {
    expect(
      await errors(steps('  t: { uses: train }\n  e:\n    uses: evaluate\n    with:\n      metric: f1\n')),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:4:3 error: step "t" (train) needs the input "data", a dataset. Add "data: \${{ steps.ID.outputs.NAME }}"
        |
      4 |   t: { uses: train }
        |   ^

      recipe.yaml:4:3 error: step "t" (train) needs the option "model"
        |
      4 |   t: { uses: train }
        |   ^

      recipe.yaml:7:5 error: step "e" (evaluate) needs the input "data", a dataset. Add "data: \${{ steps.ID.outputs.NAME }}"
        |
      7 |     with:
        |     ^^^^

      recipe.yaml:7:5 error: step "e" (evaluate) needs the input "students", at least one model. Add "students: \${{ steps.ID.outputs.NAME }}"
        |
      7 |     with:
        |     ^^^^

      recipe.yaml:8:15 error: option "metric" of step "e" (evaluate) must be one of "accuracy", "macro-f1", not the string "f1"
        |
      8 |       metric: f1
        |               ^^"
    `);
  });
  test('missing file and package', async () => {
    expect(
      await errors(
        steps(
          '  a:\n    uses: corpus\n    with:\n      file: data/rows.jsonl\n      package: "@nobody/nothing"\n  b: { uses: corpus, with: { package: ../x } }\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:7:13 error: there is no file or folder "data/rows.jsonl". Paths start from the folder of the recipe
        |
      7 |       file: data/rows.jsonl
        |             ^^^^^^^^^^^^^^^

      recipe.yaml:8:16 error: the npm package "@nobody/nothing" is not installed. Run: npm install @nobody/nothing
        |
      8 |       package: "@nobody/nothing"
        |                ^^^^^^^^^^^^^^^^^

      recipe.yaml:9:39 error: "../x" is not the name of an npm package
        |
      9 |   b: { uses: corpus, with: { package: ../x } }
        |                                       ^^^^"
    `);
  });
});

describe('references', () => {
  test('unknown step, output, param', async () => {
    expect(
      await errors(
        `version: 1\nname: demo\nparams: { epochs: 3 }\nsteps:\n  corpus: { uses: corpus }\n  t:\n    uses: train\n    needs: [corpsu]\n    with:\n      data: \${{ steps.corpse.outputs.train }}\n      teacher: \${{ steps.t2.outputs.modell }}\n      model: { type: logistic }\n      epochs: \${{ params.epoch }}\n  t2: { uses: train, with: { data: "\${{ steps.corpus.outputs.train }}", model: { type: logistic } } }\n`,
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:8:13 error: unknown step "corpsu". Did you mean "corpus"?
        |
      8 |     needs: [corpsu]
        |             ^^^^^^

      recipe.yaml:10:13 error: unknown step "corpse". Did you mean "corpus"?
         |
      10 |       data: \${{ steps.corpse.outputs.train }}
         |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

      recipe.yaml:11:16 error: step "t2" (train) has no output "modell". Did you mean "model"?
         |
      11 |       teacher: \${{ steps.t2.outputs.modell }}
         |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

      recipe.yaml:13:15 error: unknown param "epoch". Did you mean "epochs"?
         |
      13 |       epochs: \${{ params.epoch }}
         |               ^^^^^^^^^^^^^^^^^^^"
    `);
  });
  test('bad syntax', async () => {
    expect(
      await errors(
        train(
          '      model: { type: logistic }\n      note: a ${{ foo }} b ${{ steps.c.train }} ${{ param.x }} ${{ 1 + 1 }} ${{ params.a.b }} ${{ }} ${{ foo }}\n      temperature: ${{ params.x\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:10:15 error: "foo" is not a reference. A reference is steps.ID.outputs.NAME, params.NAME, matrix.KEY or env.NAME; with rounds, rounds.ID.outputs.NAME or before.NAME
         |
      10 |       note: a \${{ foo }} b \${{ steps.c.train }} \${{ param.x }} \${{ 1 + 1 }} \${{ params.a.b }} \${{ }} \${{ foo }}
         |               ^^^^^^^^^^

      recipe.yaml:10:28 error: "steps.c.train" does not name an output of a step. Write steps.c.outputs.NAME
         |
      10 |       note: a \${{ foo }} b \${{ steps.c.train }} \${{ param.x }} \${{ 1 + 1 }} \${{ params.a.b }} \${{ }} \${{ foo }}
         |                            ^^^^^^^^^^^^^^^^^^^^

      recipe.yaml:10:49 error: "param.x" is not a reference. Did you mean "params"?
         |
      10 |       note: a \${{ foo }} b \${{ steps.c.train }} \${{ param.x }} \${{ 1 + 1 }} \${{ params.a.b }} \${{ }} \${{ foo }}
         |                                                 ^^^^^^^^^^^^^^

      recipe.yaml:10:64 error: "1 + 1" is not a reference. A reference is steps.ID.outputs.NAME, params.NAME, matrix.KEY or env.NAME; with rounds, rounds.ID.outputs.NAME or before.NAME
         |
      10 |       note: a \${{ foo }} b \${{ steps.c.train }} \${{ param.x }} \${{ 1 + 1 }} \${{ params.a.b }} \${{ }} \${{ foo }}
         |                                                                ^^^^^^^^^^^^

      recipe.yaml:10:77 error: "params.a.b" is not a reference. Write params.NAME
         |
      10 |       note: a \${{ foo }} b \${{ steps.c.train }} \${{ param.x }} \${{ 1 + 1 }} \${{ params.a.b }} \${{ }} \${{ foo }}
         |                                                                             ^^^^^^^^^^^^^^^^^

      recipe.yaml:10:95 error: the reference is empty. A reference is steps.ID.outputs.NAME, params.NAME, matrix.KEY or env.NAME; with rounds, rounds.ID.outputs.NAME or before.NAME
         |
      10 |       note: a \${{ foo }} b \${{ steps.c.train }} \${{ param.x }} \${{ 1 + 1 }} \${{ params.a.b }} \${{ }} \${{ foo }}
         |                                                                                               ^^^^^^

      recipe.yaml:10:102 error: "foo" is not a reference. A reference is steps.ID.outputs.NAME, params.NAME, matrix.KEY or env.NAME; with rounds, rounds.ID.outputs.NAME or before.NAME
         |
      10 |       note: a \${{ foo }} b \${{ steps.c.train }} \${{ param.x }} \${{ 1 + 1 }} \${{ params.a.b }} \${{ }} \${{ foo }}
         |                                                                                                      ^^^^^^^^^^

      recipe.yaml:11:20 error: "\${{ params.x" has no closing "}}". A reference is steps.ID.outputs.NAME, params.NAME, matrix.KEY or env.NAME; with rounds, rounds.ID.outputs.NAME or before.NAME
         |
      11 |       temperature: \${{ params.x
         |                    ^^^^^^^^^^^^"
    `);
  });
  test('where none can be', async () => {
    expect(
      await errors(
        `version: 1\nname: demo\nparams: { a: "\${{ params.b }}" }\nsteps:\n  c: { uses: corpus }\n  t:\n    uses: train\n    matrix: { lr: ["\${{ params.a }}"] }\n    with:\n      data: \${{ params.a }}\n      teacher: []\n      model: { type: logistic, l2: "\${{ matrix.lr }}" }\n      note: \${{ steps.c.outputs.train }}\n      epochs: "3\${{ env.HOME }}"\noutputs: { x: model }\n`,
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:3:14 error: the default of param "a" cannot be a reference
        |
      3 | params: { a: "\${{ params.b }}" }
        |              ^^^^^^^^^^^^^^^^^

      recipe.yaml:8:20 error: references are not resolved here
        |
      8 |     matrix: { lr: ["\${{ params.a }}"] }
        |                    ^^^^^^^^^^^^^^^^^

      recipe.yaml:10:13 error: input "data" of step "t" (train) must be an output of a step, not \${{ params.a }}. Write \${{ steps.ID.outputs.NAME }}
         |
      10 |       data: \${{ params.a }}
         |             ^^^^^^^^^^^^^^^

      recipe.yaml:11:16 error: input "teacher" of step "t" (train) takes one model, not a list
         |
      11 |       teacher: []
         |                ^^

      recipe.yaml:13:13 error: the output of a step can only be given to an input, and this is none
         |
      13 |       note: \${{ steps.c.outputs.train }}
         |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^

      recipe.yaml:14:17 error: env.HOME cannot be part of a longer text. Let the variable hold the whole text
         |
      14 |       epochs: "3\${{ env.HOME }}"
         |                 ^^^^^^^^^^^^^^^

      recipe.yaml:15:15 error: output "x" of the recipe must be an output of a step, not the string "model". Write \${{ steps.ID.outputs.NAME }}
         |
      15 | outputs: { x: model }
         |               ^^^^^"
    `);
  });
  test('matrix keys', async () => {
    expect(
      await errors(
        train(
          '      model: { type: bert, hidden: "${{ matrix.hiden }}" }\n    matrix: { hidden: [1, 2] }\n  u: { uses: corpus, with: { gold: "${{ matrix.gold }}" } }\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:9:37 error: the matrix of step "t" has no key "hiden". Did you mean "hidden"?
        |
      9 |       model: { type: bert, hidden: "\${{ matrix.hiden }}" }
        |                                     ^^^^^^^^^^^^^^^^^^^

      recipe.yaml:11:37 error: step "u" has no matrix
         |
      11 |   u: { uses: corpus, with: { gold: "\${{ matrix.gold }}" } }
         |                                     ^^^^^^^^^^^^^^^^^^"
    `);
  });
  test('environment', async () => {
    expect(
      await errors(
        steps(
          '  a: { uses: corpus, with: { key: "${{ env.API_KEY }}" } }\n  b: { uses: corpus, with: { key: "${{ env.OTHER_KEY }}", file: "${{ env.OTHER_KEY }}" } }\n',
        ),
        { env: { OTHER_KEY: 'very-secret' } },
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:4:36 error: the environment variable API_KEY is not set. Set it first: export API_KEY=…
        |
      4 |   a: { uses: corpus, with: { key: "\${{ env.API_KEY }}" } }
        |                                    ^^^^^^^^^^^^^^^^^^

      recipe.yaml:5:35 error: option "key" of step "b" (corpus) must match ^sk-, not the value of \${{ env.OTHER_KEY }}
        |
      5 |   b: { uses: corpus, with: { key: "\${{ env.OTHER_KEY }}", file: "\${{ env.OTHER_KEY }}" } }
        |                                   ^^^^^^^^^^^^^^^^^^^^^^

      recipe.yaml:5:65 error: a file or package cannot be named by the environment, as it is part of the results. Use a param
        |
      5 |   b: { uses: corpus, with: { key: "\${{ env.OTHER_KEY }}", file: "\${{ env.OTHER_KEY }}" } }
        |                                                                 ^^^^^^^^^^^^^^^^^^^^^^"
    `);
  });
  test('kinds', async () => {
    expect(
      await errors(
        train(
          '      model: { type: logistic }\n      teacher: ${{ steps.c.outputs.train }}\n  e: { uses: evaluate, with: { data: "${{ steps.c.outputs.test }}", students: ["${{ steps.t.outputs.loss }}"] } }\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:10:16 error: output "train" of step "c" is a dataset, but input "teacher" of step "t" takes a model
         |
      10 |       teacher: \${{ steps.c.outputs.train }}
         |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^

      recipe.yaml:11:81 error: output "loss" of step "t" is a measurement, but input "students" of step "e" takes a model
         |
      11 |   e: { uses: evaluate, with: { data: "\${{ steps.c.outputs.test }}", students: ["\${{ steps.t.outputs.loss }}"] } }
         |                                                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `);
  });
  test('matrix output into a single input', async () => {
    expect(
      await errors(
        steps(
          '  c: { uses: corpus, matrix: { seed: [1, 2] } }\n  t: { uses: train, with: { data: "${{ steps.c.outputs.train }}", model: { type: logistic } } }\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:5:36 error: step "c" has a matrix, so its output "train" is a list, but input "data" of step "t" takes one dataset
        |
      5 |   t: { uses: train, with: { data: "\${{ steps.c.outputs.train }}", model: { type: logistic } } }
        |                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `);
  });
  test('cycle', async () => {
    expect(
      await errors(
        steps(
          '  a: { uses: corpus, needs: [b] }\n  b: { uses: corpus, needs: [c] }\n  c: { uses: corpus, needs: [a] }\n  d: { uses: corpus, needs: [a] }\n  e: { uses: corpus, needs: [f] }\n  f: { uses: corpus, needs: [e] }\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:4:30 error: these steps wait for each other: a → b → c → a
        |
      4 |   a: { uses: corpus, needs: [b] }
        |                              ^

      recipe.yaml:8:30 error: these steps wait for each other: e → f → e
        |
      8 |   e: { uses: corpus, needs: [f] }
        |                              ^"
    `);
  });
  test('self-reference', async () => {
    expect(
      await errors(
        steps(
          '  a: { uses: corpus, needs: [a] }\n  t: { uses: train, with: { data: "${{ steps.a.outputs.train }}", teacher: "${{ steps.t.outputs.model }}", model: { type: logistic } } }\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:4:30 error: step "a" cannot need itself
        |
      4 |   a: { uses: corpus, needs: [a] }
        |                              ^

      recipe.yaml:5:77 error: step "t" cannot take its own output
        |
      5 |   t: { uses: train, with: { data: "\${{ steps.a.outputs.train }}", teacher: "\${{ steps.t.outputs.model }}", model: { type: logistic } } }
        |                                                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `);
  });
  test('conditions', async () => {
    expect(
      await errors(
        'version: 1\nname: demo\nparams: { s: text, f: 0.5 }\nsteps:\n  a: { uses: corpus, if: "params.s == 1" }\n  b: { uses: corpus, if: "${{ params.s }}" }\n  c: { uses: corpus, if: "${{ params.f }}" }\n  d: { uses: corpus, if: "${{ env.HOME }}" }\n',
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:5:26 error: "if" of step "a" is the string "params.s == 1", but no code is evaluated here. Write true, false, \${{ params.NAME }} or \${{ matrix.KEY }}
        |
      5 |   a: { uses: corpus, if: "params.s == 1" }
        |                          ^^^^^^^^^^^^^^^

      recipe.yaml:6:26 error: "if" of step "b" is the string "text", which is neither a boolean nor an integer. Write true, false, \${{ params.NAME }} or \${{ matrix.KEY }}
        |
      6 |   b: { uses: corpus, if: "\${{ params.s }}" }
        |                          ^^^^^^^^^^^^^^^^^

      recipe.yaml:7:26 error: "if" of step "c" is 0.5, which is neither a boolean nor an integer. Write true, false, \${{ params.NAME }} or \${{ matrix.KEY }}
        |
      7 |   c: { uses: corpus, if: "\${{ params.f }}" }
        |                          ^^^^^^^^^^^^^^^^^

      recipe.yaml:8:26 error: "if" of step "d" cannot depend on \${{ env.HOME }}. Write true, false, \${{ params.NAME }} or \${{ matrix.KEY }}
        |
      8 |   d: { uses: corpus, if: "\${{ env.HOME }}" }
        |                          ^^^^^^^^^^^^^^^^^"
    `);
  });
});

describe('params', () => {
  test('of the wrong type, where they are used', async () => {
    expect(
      await errors(
        `version: 1\nname: demo\nparams:\n  epochs: 2.5\nsteps:\n  c: { uses: corpus }\n  t: { uses: train, with: { data: "\${{ steps.c.outputs.train }}", model: { type: logistic }, epochs: "\${{ params.epochs }}" } }\n`,
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:7:102 error: option "epochs" of step "t" (train) must be an integer, not 2.5. The value comes from params.epochs (recipe.yaml:4:11)
        |
      7 |   t: { uses: train, with: { data: "\${{ steps.c.outputs.train }}", model: { type: logistic }, epochs: "\${{ params.epochs }}" } }
        |                                                                                                      ^^^^^^^^^^^^^^^^^^^^^^"
    `);
  });
  test('from --set, where they are used', async () => {
    expect(
      await errors(
        `version: 1\nname: demo\nparams:\n  epochs: 2\nsteps:\n  c: { uses: corpus }\n  t: { uses: train, with: { data: "\${{ steps.c.outputs.train }}", model: { type: logistic }, epochs: "\${{ params.epochs }}" } }\n`,
        { set: { 'params.epochs': '0' } },
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:7:102 error: option "epochs" of step "t" (train) must be at least 1, not 0. The value comes from --set params.epochs
        |
      7 |   t: { uses: train, with: { data: "\${{ steps.c.outputs.train }}", model: { type: logistic }, epochs: "\${{ params.epochs }}" } }
        |                                                                                                      ^^^^^^^^^^^^^^^^^^^^^^"
    `);
  });
  test('--set', async () => {
    expect(
      await errors(
        'version: 1\nname: demo\nparams:\n  epochs: 2\n  rate: { type: number, default: 1, maximum: 2 }\n  mode: { type: string, default: fast, enum: [fast, slow] }\n  must: { type: integer }\nsteps:\n  c: { uses: corpus }\n',
        { set: { 'params.epohcs': '1', 'params.epochs': '1.5', 'params.rate': '3', 'params.mode': 'slwo', seed: '3' } },
      ),
    ).toMatchInlineSnapshot(`
      "--set error: params.epochs must be an integer, not 1.5

      --set error: params.rate must be at most 2, not 3

      --set error: params.mode must be one of "fast", "slow", not the string "slwo". Did you mean "slow"?

      --set error: unknown param "epohcs". Did you mean "epochs"?

      --set error: "seed" cannot be set. Only params can: --set params.NAME=VALUE

      recipe.yaml:7:3 error: param "must" has no value. Give one with --set params.must=VALUE
        |
      7 |   must: { type: integer }
        |   ^^^^"
    `);
  });
  test('declarations', async () => {
    expect(
      await errors(
        'version: 1\nname: demo\nparams:\n  a: { type: integer, default: x }\n  b: { type: int }\n  c: { default: 3 }\n  d: { type: number, default: 5, maximum: 4 }\n  e: [1]\nsteps:\n  c: { uses: corpus, with: { gold: "${{ params.a }}" } }\n',
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:4:32 error: the default of param "a" must be an integer, not the string "x"
        |
      4 |   a: { type: integer, default: x }
        |                                ^

      recipe.yaml:5:14 error: key "type" of param "b" must be one of "integer", "number", "string", "boolean", not the string "int". Did you mean "integer"?
        |
      5 |   b: { type: int }
        |              ^^^

      recipe.yaml:6:3 error: param "c" needs the key "type"
        |
      6 |   c: { default: 3 }
        |   ^

      recipe.yaml:7:31 error: the default of param "d" must be at most 4, not 5
        |
      7 |   d: { type: number, default: 5, maximum: 4 }
        |                               ^

      recipe.yaml:8:6 error: param "e" must be a string, a number, true or false or a mapping, not a list
        |
      8 |   e: [1]
        |      ^^^"
    `);
  });
});

describe('matrix', () => {
  test('values of the wrong type', async () => {
    expect(
      await errors(
        train(
          '      model: ${{ matrix.model }}\n    matrix:\n      model:\n        - { type: bert, hidden: 3 }\n        - { type: bert, hiden: 3 }\n',
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:9:14 error: unknown option "hiden" in model of step "t" (train). Did you mean "hidden"? The value comes from matrix.model (recipe.yaml:13:11)
        |
      9 |       model: \${{ matrix.model }}
        |              ^^^^^^^^^^^^^^^^^^^"
    `);
  });
  test('unused key', async () => {
    expect(await errors(steps('  c: { uses: corpus, matrix: { seed: [1], gold: [1, 2] } }\n'))).toMatchInlineSnapshot(`
      "recipe.yaml:4:43 error: the matrix key "gold" of step "c" is not used. Use \${{ matrix.gold }} in the step
        |
      4 |   c: { uses: corpus, matrix: { seed: [1], gold: [1, 2] } }
        |                                           ^^^^"
    `);
  });
  test('too many combinations', async () => {
    expect(
      await errors(
        steps(
          `  c: { uses: corpus, matrix: { seed: [${Array.from({ length: 40 }, (_, i) => i)}], gold: [${Array.from({ length: 40 }, (_, i) => i)}] } }\n`,
        ),
      ),
    ).toMatchInlineSnapshot(`
      "recipe.yaml:4:22 error: the matrix of step "c" has 1600 combinations; at most 1000 are allowed
        |
      4 |   c: { uses: corpus, matrix: { seed: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39], gold: [0,1…
        |                      ^^^^^^"
    `);
  });
});

describe('what must stay quick', () => {
  test('100,000 keys', async () => {
    const keys = Array.from({ length: 100_000 }, (_, i) => `  key${i}: ${i}\n`).join('');
    const started = Date.now();
    const text = await errors(`version: 1\nname: demo\nparams:\n${keys}  key99: 1\nsteps: {}\n`);
    expect(text).toContain('the key "key99" is already given above');
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  test('aliases of aliases of aliases', async () => {
    const levels = Array.from({ length: 30 }, (_, i) => `  l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}]\n`).join('');
    const started = Date.now();
    const text = await errors(`version: 1\nname: demo\nparams:\n  l0: &l0 [1]\n${levels}steps: {}\n`);
    expect(text).toContain('aliases repeat more than 10000 values. Write out what the recipe needs');
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  test('200 brackets', async () => {
    expect(await errors(`version: 1\nname: ${'['.repeat(200)}${']'.repeat(200)}\n`)).toContain(
      'nested more than 100 deep',
    );
  });

  test('100,000 brackets', async () => {
    expect(await errors(`version: 1\nname: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`)).toContain(
      'values are nested too deeply',
    );
  });
});
