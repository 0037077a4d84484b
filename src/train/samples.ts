import type { Runner } from '../backend/runner.js';
import { type Row, readDataset } from '../data/dataset.js';
import { answerIn } from '../data/reasoning.js';
import { fieldsOf, fill, USUAL_PROMPT } from '../data/template.js';
import type { TextTokenizer } from '../data/tokenizer.js';
import type { StepContext, Table } from '../engine/step.js';
import type { TransformerConfig } from '../models/architecture.js';
import { fitPrompt } from '../models/continuations.js';
import { Generator, greedy } from '../models/generate.js';
import type { Parameters } from '../models/initialize.js';
import type { Stage, TrainOptions } from '../options/train.js';

/** Tokens that a sample has at most; of a model that reads fewer than twice as many, half of those. */
const TOKENS = 32;
/** Characters of a text, or of what is to be written, that the table shows. */
const SHOWN = 60;

type Context = Pick<StepContext<TrainOptions>, 'options' | 'optionalInput' | 'show'>;

/** A model while it learns. */
interface Writing {
  readonly config: TransformerConfig;
  readonly tokenizer: TextTokenizer;
  readonly runner: Runner;
}

/**
 * Shows, at the end of each stage with `samples`, what the model writes to the first rows of the input "validation".
 * @throws StepFailure if a row lacks a field of the prompt
 */
export function samplesAfter(ctx: Context, stages: readonly Stage[], writing: Writing) {
  return async (number: number, parameters: Parameters): Promise<void> => {
    const stage = stages[number] as Stage;
    const validation = ctx.optionalInput('validation');
    if (stage.samples === undefined || !validation) return;
    const { rows } = await readDataset(validation.path);
    const prompt = promptOf(ctx.options, stage);
    const title = `What it writes after stage ${number + 1} of ${stages.length}`;
    ctx.show(await samplesTable(title, rows.slice(0, stage.samples), prompt, writing, parameters));
  };
}

/** Behind what a stage's model is asked to write; one that learns texts goes on with a text. */
function promptOf(options: Pick<TrainOptions, 'prompt' | 'learn_from'>, stage: Stage): string {
  if (stage.prompt !== undefined) return stage.prompt;
  if ((stage.learn_from ?? options.learn_from) === 'text') return '{{text}}';
  return options.prompt ?? USUAL_PROMPT;
}

/** What a model writes to some rows, greedily. */
async function samplesTable(
  title: string,
  rows: readonly Row[],
  prompt: string,
  { config, tokenizer, runner }: Writing,
  parameters: Parameters,
): Promise<Table> {
  const generator = new Generator(config, parameters, runner);
  const endId = config.eosId as number;
  const most = Math.min(TOKENS, Math.floor(config.maxLength / 2));
  const lines: string[][] = [];
  for (const row of rows) {
    const [tokens] = await tokenizer.encodeWhole([fill(prompt, fieldsOf(row), `row ${row.id}`)], 'prompt');
    const ids: number[] = [];
    for await (const id of generator.generate(
      fitPrompt(tokens as Int32Array, config.maxLength - most, endId),
      most,
      greedy,
    )) {
      if (id === endId) break;
      ids.push(id);
    }
    const written = answerIn(await tokenizer.decode(ids));
    lines.push([row.text, row.responses?.[0] ?? '–', written].map(shortened));
  }
  return {
    about: 'samples',
    title,
    columns: ['text', 'response', 'written'].map((label) => ({ label, align: 'left' })),
    rows: lines,
    notes: [`Greedy, ${most} tokens at most, behind the prompt ${JSON.stringify(prompt)}.`],
  };
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > SHOWN ? `${line.slice(0, SHOWN - 1)}…` : line;
}
