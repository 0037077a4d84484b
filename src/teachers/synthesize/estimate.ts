import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Estimate, EstimateContext } from '../../engine/step.js';
import type { SynthesizeDataOptions } from '../../options/synthesize-data.js';
import { Answers } from '../query/answers.js';
import { ANSWERS } from '../query/answers-file.js';
import { estimateOf } from '../query/estimate.js';
import { cellsOf } from './cells.js';
import { postsOf } from './posts.js';
import { labelsOf, readSeeds, wishingOf } from './seeds.js';
import { meaningOf, wishesOf } from './wishes.js';

/** Characters of a text that nobody has written yet. */
const TEXT = 'x'.repeat(400);

/** What the first round takes: texts for all that is wanted, and a question to the judge about each. */
export async function estimate(ctx: EstimateContext<SynthesizeDataOptions>): Promise<Estimate> {
  const { options } = ctx;
  const seeds = await readSeeds(ctx);
  const labels = labelsOf(options, seeds);
  const wishing = wishingOf(ctx, seeds);
  const wishes = cellsOf(labels, options.topics, options.rows).flatMap((cell, i) =>
    wishesOf(cell, i, cell.wanted, 0, wishing),
  );
  const { writer, judge } = await postsOf(options, ctx.optionalInput('serve'));
  const file = join(await ctx.sharedFolder(ANSWERS.folder), ANSWERS.file);
  const known = existsSync(file) ? Answers.open(file, ctx.account, {}, () => 0) : undefined;
  try {
    const requests = wishes.map(({ row }) => writer.inquiry.requests(row));
    const written = estimateOf(options, writer.price, wishes.length, requests, known);
    const questions = labels.map((label) => {
      const fields = { label, meaning: meaningOf(label, options.descriptions) };
      return (judge ?? writer).inquiry.requests({ id: label, text: TEXT, label: null, fields });
    });
    const judged = judge && estimateOf(judge.options, judge.price, options.rows, questions, known);
    const sum = (figure: 'tokens' | 'usd' | 'seconds'): number => (written[figure] ?? 0) + (judged?.[figure] ?? 0);
    const notes = [...new Set([...written.notes, ...(judged?.notes ?? [])])];
    return {
      rows: options.rows,
      tokens: sum('tokens'),
      ...(written.usd !== undefined && { usd: sum('usd') }),
      seconds: sum('seconds'),
      notes: [
        `${wishes.length} requests for texts${judge ? `, ${options.rows} questions to the judge` : ''}; what is dropped is asked for again`,
        ...notes,
      ],
    };
  } finally {
    await known?.close();
  }
}
