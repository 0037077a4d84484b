import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, readDataset, refuseCopies } from '../../data/dataset.js';
import { fieldsOf, fill } from '../../data/template.js';
import type { TextTokenizer } from '../../data/tokenizer.js';
import { type InputArtifact, type StepContext, StepFailure } from '../../engine/step.js';
import type { Continuations, Written } from '../../models/continuations.js';
import type { LanguageModel } from '../../models/language-model.js';
import type { EvaluateOptions } from '../../options/evaluate.js';
import type { Role } from '../../report/evaluate.js';
import { type LanguageTeller, languageReport, languageTable, type ToldText } from '../../report/language.js';
import { trainedOn } from '../trained-on.js';

type Context = StepContext<EvaluateOptions>;

/** Tokens of the longest n-grams of what models have to beat. */
const ORDER = 3;

/** Compares language models by how many bits a byte of the rows' texts, or responses, is to them. */
export async function evaluateLanguage(ctx: Context): Promise<void> {
  for (const name of ['answers', 'usage']) {
    if (ctx.optionalInput(name) === undefined) continue;
    const message = `task "generation" takes no input "${name}": it is for classification`;
    throw new StepFailure('not-used', message, 'Leave it out.');
  }
  const [teacher, baseline] = [ctx.optionalInput('teacher'), ctx.optionalInput('baseline')];
  const bound: [Role, InputArtifact][] = [
    ...(teacher ? [['teacher', teacher] as [Role, InputArtifact]] : []),
    ...ctx.inputList('students').map((student): [Role, InputArtifact] => ['student', student]),
    ...(baseline ? [['baseline', baseline] as [Role, InputArtifact]] : []),
  ];
  const { rows } = await readDataset(ctx.input('data').path);
  refuseCopies(rows, 'data');
  const models: LanguageTeller[] = [];
  for (const [role, artifact] of bound) models.push(...(await tell(ctx, role, artifact, rows, models.length === 0)));
  const report = languageReport(ctx.options.title, models, ctx.seed);
  await writeFile(join(await ctx.output('report'), 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  ctx.measure('timing', { threads: ctx.threads, models: models.map(({ name, role }) => ({ name, role })) });
  ctx.show(languageTable(report));
}

/** What one model says of every row; of the first one also what an n-gram model of its tokens does, if there is one. */
async function tell(
  ctx: Context,
  role: Role,
  { from, path }: InputArtifact,
  rows: readonly Row[],
  first: boolean,
): Promise<LanguageTeller[]> {
  const [{ loadLanguageModel }, { surpriseOf }] = await Promise.all([
    import('../../models/language-model.js'),
    import('../../models/continuations.js'),
  ]);
  const model = await loadLanguageModel(path, ctx.options.backend, ctx.threads);
  try {
    const { texts, owners } = await textsOf(model, rows, 'data');
    const surprises = await surpriseOf(model.runner, model.config, model.parameters, texts, async (done) => {
      await ctx.progress({ done, total: texts.size, unit: 'texts', phase: from });
      ctx.signal.throwIfAborted();
    });
    if (!surprises.every(({ loss }) => Number.isFinite(loss))) {
      const hint = 'Its training has probably diverged: lower the learning rate.';
      throw new StepFailure('not-a-number', `the model of "${from}" computes numbers that are none`, hint);
    }
    const bytes = await bytesOf(model.tokenizer, texts);
    const perRow = (losses: readonly { readonly loss: number; readonly tokens: number }[]): ToldText[] => {
      const told = rows.map(() => ({ loss: 0, tokens: 0, bytes: 0 }));
      for (const [i, { loss, tokens }] of losses.entries()) {
        const own = told[owners[i] as number] as (typeof told)[number];
        own.loss += loss;
        own.tokens += tokens;
        own.bytes += bytes[i] as number;
      }
      return told;
    };
    const teller: LanguageTeller = {
      name: from,
      role,
      type: model.config.type,
      parameters: model.size,
      bytes: model.bytes,
      trainedOn: await trainedOn(path),
      told: perRow(surprises),
    };
    const learnt = first ? ctx.optionalInput('ngram_data') : undefined;
    if (!learnt) return [teller];
    const { KneserNey } = await import('../../data/kneser-ney.js');
    const { rows: known } = await readDataset(learnt.path);
    const { texts: training } = await textsOf(model, known, 'ngram_data');
    const ngrams = KneserNey.learn(
      Array.from({ length: training.size }, (_, i) => training.tokens.ids(i)),
      ORDER,
      model.tokenizer.vocabularySize,
    );
    const found = Array.from({ length: texts.size }, (_, i) =>
      ngrams.surprise({ ids: texts.tokens.ids(i), given: texts.prompt(i).length }),
    );
    const yardstick: LanguageTeller = {
      name: 'Kneser–Ney trigrams',
      role: 'baseline',
      type: 'kneser-ney',
      parameters: ngrams.size,
      bytes: null,
      trainedOn: { rows: known.length, labelled: 0 },
      told: perRow(found),
    };
    return [teller, yardstick];
  } finally {
    await model.runner.release();
  }
}

/** What a model is to tell: responses behind its prompt, or texts as a whole; and of which row each is. */
async function textsOf(
  { tokenizer, prompt, endId, config }: LanguageModel,
  rows: readonly Row[],
  input: string,
): Promise<{ readonly texts: Continuations; readonly owners: readonly number[] }> {
  const { Continuations } = await import('../../models/continuations.js');
  const written = rows.flatMap((row, owner): (Written & { readonly owner: number })[] => {
    if (prompt === undefined) return row.text.trim() === '' ? [] : [{ owner, prompt, text: row.text }];
    const { responses = [] } = row;
    return responses.map((text) => ({ owner, prompt: fill(prompt, fieldsOf(row), `row ${row.id}`), text }));
  });
  const texts = await Continuations.encode(written, tokenizer, endId, config.maxLength);
  if (texts.size < 2) {
    const what = prompt === undefined ? 'texts' : 'responses that the model can read';
    throw new StepFailure('empty-data', `the input "${input}" has ${texts.size} ${what}, too few`);
  }
  return { texts, owners: texts.kept.map((i) => (written[i] as (typeof written)[number]).owner) };
}

/** UTF-8 bytes of each text's tokens that are told. */
async function bytesOf(tokenizer: TextTokenizer, texts: Continuations): Promise<number[]> {
  const bytes: number[] = [];
  for (let i = 0; i < texts.size; i++) {
    const told = texts.tokens.ids(i).subarray(texts.prompt(i).length);
    bytes.push(Buffer.byteLength(await tokenizer.decode([...told])));
  }
  return bytes;
}
