import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readDataset, refuseCopies } from '../../data/dataset.js';
import { type InputArtifact, type StepContext, StepFailure } from '../../engine/step.js';
import type { EvaluateOptions } from '../../options/evaluate.js';
import type { Role } from '../../report/evaluate.js';
import { type MaskedTeller, maskedReport, maskedTable } from '../../report/masked.js';
import { trainedOn } from '../trained-on.js';

type Context = StepContext<EvaluateOptions>;

/** Compares masked language models by what they find unlikely of the same hidden tokens. */
export async function evaluateMasked(ctx: Context): Promise<void> {
  for (const name of ['answers', 'usage']) {
    if (ctx.optionalInput(name) === undefined) continue;
    const message = `task "masked-language-model" takes no input "${name}": it is for classification`;
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
  const texts = rows.filter(({ text }) => text.trim() !== '');
  if (texts.length < 2) {
    throw new StepFailure('empty-data', `the data to evaluate on has ${texts.length} rows with a text, too few`);
  }
  const [{ MaskedTexts }, { loadMasked }, { surpriseOf }, { countParameters }, { weightBytes }] = await Promise.all([
    import('../../models/masked-texts.js'),
    import('../../models/masked-model.js'),
    import('../../models/continuations.js'),
    import('../../models/checkpoint.js'),
    import('../../models/weights.js'),
  ]);
  const models: MaskedTeller[] = [];
  for (const [role, { from, path }] of bound) {
    const { config, parameters, tokenizer, runner } = await loadMasked(path, ctx.options.backend, ctx.threads);
    try {
      const tokens = await tokenizer.encode(
        texts.map(({ text }) => text),
        config.maxLength,
      );
      const ids = texts.map(({ id }) => id);
      const hidden = new MaskedTexts(tokens, ids, tokenizer, ctx.seed);
      const told = await surpriseOf(runner, config, parameters, hidden, async (done) => {
        await ctx.progress({ done, total: texts.length, unit: 'rows', phase: from });
        ctx.signal.throwIfAborted();
      });
      checkNumbers(from, told);
      models.push({
        name: from,
        role,
        type: config.type,
        parameters: countParameters(parameters),
        bytes: await weightBytes(path),
        trainedOn: await trainedOn(path),
        told,
        reads: `${tokenizer.hash} ${config.maxLength}`,
      });
    } finally {
      await runner.release();
    }
  }
  const report = maskedReport(ctx.options.title, models, ctx.seed);
  await writeFile(join(await ctx.output('report'), 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  ctx.measure('timing', { threads: ctx.threads, models: models.map(({ name, role }) => ({ name, role })) });
  ctx.show(maskedTable(report));
}

function checkNumbers(name: string, told: MaskedTeller['told']): void {
  if (told.every(({ loss }) => Number.isFinite(loss))) return;
  const hint = 'Its training has probably diverged: lower the learning rate.';
  throw new StepFailure('not-a-number', `the model of "${name}" computes numbers that are none`, hint);
}
