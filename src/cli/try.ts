import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline/promises';
import type { Backend } from '../backend/runner.js';
import { loadTrial } from '../trial/load.js';
import type { Question, Trial } from '../trial/trial.js';
import { StepFailure } from '../util/failure.js';
import { EXIT, type ExitCode, UsageError } from './exit.js';
import { modelFolder } from './model-folder.js';
import { blockOf, lineOf, type Tried } from './try-lines.js';

export interface TryCommandOptions {
  readonly teacher?: string;
  readonly json?: true;
  readonly maxTokens: number;
  readonly threads?: number;
  readonly backend: Backend;
}

/** `recipe try <model>`: a text a line, until the input ends. */
export async function tryModel(name: string, options: TryCommandOptions): Promise<ExitCode> {
  const folders = [await modelFolder(name), ...(options.teacher ? [await modelFolder(options.teacher)] : [])];
  const models = await loaded(folders, options);
  const [student, teacher] = models as [Trial, Trial?];
  try {
    if (teacher && teacher.pairs !== student.pairs) {
      const [two, one] = student.pairs ? ['model', 'teacher'] : ['teacher', 'model'];
      throw new UsageError(`the ${two} compares two texts, and the ${one} reads one`);
    }
    await answerAll(student, teacher, options);
    return EXIT.ok;
  } finally {
    for (const model of models) await model.close();
  }
}

async function loaded(folders: readonly string[], { backend, threads, maxTokens }: TryCommandOptions) {
  const models: Trial[] = [];
  for (const folder of folders) {
    const settings = { backend, threads: threads ?? availableParallelism(), most: maxTokens };
    const model = await loadTrial(folder, settings).catch((error: unknown) => {
      if (!(error instanceof StepFailure)) throw error;
      throw new UsageError(error.hint ? `${error.message}\n  ${error.hint}` : error.message);
    });
    models.push(model);
  }
  return models;
}

async function answerAll(student: Trial, teacher: Trial | undefined, { json }: TryCommandOptions): Promise<void> {
  const person = process.stdin.isTTY === true && json === undefined;
  const print = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);
  const ask = student.pairs ? 'Type two texts, separated by a tab' : 'Type a text';
  if (person) print([`${student.type}, ${student.parameters} parameters. ${ask}; Ctrl-D ends.`]);
  const input = createInterface({ input: process.stdin, ...(person && { output: process.stdout, prompt: '> ' }) });
  if (person) input.prompt();
  let number = 0;
  for await (const line of input) {
    number++;
    if (!process.stdout.writable) break;
    if (!(person && line.trim() === '')) {
      const question = questionOf(line, student.pairs);
      if (question === undefined) {
        const what = 'expected two texts, separated by a tab: this model compares them';
        if (!person) throw new UsageError(`stdin:${number}: ${what}`);
        print([`  ${what}`]);
      } else {
        const own = await asked(student, question);
        const above = teacher && (await asked(teacher, question));
        if (json) print([jsonOf(question, own, above)]);
        else if (person) print(blockOf(own, above, process.stdout.columns || 100));
        else print([[own, ...(above ? [above] : [])].map(({ answer }) => lineOf(answer)).join('\t')]);
      }
    }
    if (person) input.prompt();
  }
}

/** Undefined where there should be two texts and are not. */
function questionOf(line: string, pairs: boolean): Question | undefined {
  if (!pairs) return { text: line };
  const tab = line.indexOf('\t');
  return tab < 0 ? undefined : { text: line.slice(0, tab), pair: line.slice(tab + 1) };
}

async function asked(model: Trial, question: Question): Promise<Tried> {
  const started = performance.now();
  const answer = await model.answer(question);
  return { answer, ms: performance.now() - started };
}

function jsonOf(question: Question, own: Tried, teacher: Tried | undefined): string {
  const timed = ({ answer, ms }: Tried) => ({ ...answer, ms: Number(ms.toFixed(3)) });
  return JSON.stringify({ ...question, answer: timed(own), ...(teacher && { teacher: timed(teacher) }) });
}
