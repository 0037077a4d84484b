/** The composition root: parses the command line and loads the one command that it names. */
import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { BACKENDS } from './backend/runner.js';
import { reportBug } from './cli/bug.js';
import { EXIT, type ExitCode, UsageError } from './cli/exit.js';
import { REPORTERS } from './ui/reporter.js';
import { namingFullDisk } from './util/disk-full.js';
import { StepFailure } from './util/failure.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('recipe')
  .description('Runs recipes for knowledge distillation: a YAML file in, a small model out.')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(add --help for how to use it)')
  .addHelpText(
    'after',
    `
Example:
  $ recipe run recipes/tinybert.yaml

What a run has done is kept in .recipe/, its results are copied to out/.
Exit codes: 0 ok, 1 a step failed, 2 bad recipe or usage, 130 interrupted.`,
  );

const example = (...lines: readonly string[]): string => `\nExample:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
const setOption = (): Option =>
  new Option('--set <name=value>', 'change a param of the recipe; may be given more than once')
    .argParser((value: string, before: readonly string[]) => [...before, value])
    .default([], 'nothing');
const reporterOption = (): Option =>
  new Option('--reporter <name>', 'how to show the run: auto is tty on a terminal and plain elsewhere')
    .choices(REPORTERS)
    .default('auto');

/** A command that is loaded when it is used; its exit code becomes the process's, once all output is written. */
function lazy<Args extends readonly unknown[]>(load: () => Promise<(...args: Args) => Promise<ExitCode>>) {
  return async (...args: Args): Promise<void> => {
    const command = await load();
    process.exitCode = await command(...args);
  };
}

program
  .command('run')
  .description('run a recipe; steps that are up to date are taken from earlier runs')
  .addArgument(new Argument('<file>', 'the recipe, a YAML file'))
  .addOption(setOption())
  .addOption(reporterOption())
  .option('--threads <n>', 'threads of a compute step (default: all of the machine)', wholeNumber)
  .addHelpText(
    'after',
    example('recipe run recipes/tinybert.yaml', 'recipe run recipes/tinybert.yaml --set params.gold=200'),
  )
  .action(lazy(async () => (await import('./cli/run.js')).run));

program
  .command('resume')
  .description('go on with a run that failed or was interrupted')
  .argument('[run]', 'its id, as printed when it started (default: the last one)')
  .addOption(reporterOption())
  .addHelpText('after', example('recipe resume'))
  .action(lazy(async () => (await import('./cli/resume.js')).resume));

program
  .command('validate')
  .description('say everything that is wrong with a recipe, without running it')
  .argument('<file>', 'the recipe, a YAML file')
  .addOption(setOption())
  .addHelpText('after', example('recipe validate recipes/tinybert.yaml'))
  .action(lazy(async () => (await import('./cli/validate.js')).validate));

program
  .command('plan')
  .description('say what a run would take (rows, tokens, money, time, disk) before anything is spent')
  .argument('<file>', 'the recipe, a YAML file')
  .addOption(setOption())
  .addHelpText('after', example('recipe plan recipes/llm-labels-bert.yaml'))
  .action(lazy(async () => (await import('./cli/estimate.js')).plan));

program
  .command('graph')
  .description("draw a recipe's steps and what needs what")
  .argument('<file>', 'the recipe, a YAML file')
  .addOption(setOption())
  .addOption(new Option('--format <name>', 'language of the drawing').choices(['mermaid', 'dot']).default('mermaid'))
  .addHelpText('after', example('recipe graph recipes/tinybert.yaml --format dot | dot -Tsvg > graph.svg'))
  .action(lazy(async () => (await import('./cli/graph.js')).graph));

program
  .command('status')
  .description('say which steps are done, which a run would do, and why')
  .argument('[file]', "the recipe (default: the last run's, with its --set)")
  .addOption(setOption())
  .addHelpText('after', example('recipe status', 'recipe status recipes/tinybert.yaml'))
  .action(lazy(async () => (await import('./cli/status.js')).status));

program
  .command('report')
  .description('write what a run did and found as one HTML file')
  .argument('[run]', 'its id, as printed when it started (default: the last one)')
  .option('--to <file>', "where to write it (default: report.html in the run's folder)")
  .option('--live', 'serve it on 127.0.0.1 instead, and follow the run until it ends')
  .option('--port <n>', 'where to serve it (default: a free one)', portNumber)
  .addHelpText('after', example('recipe report', 'recipe report --to tinybert.html', 'recipe report --live'))
  .action(lazy(async () => (await import('./cli/report.js')).report));

program
  .command('steps')
  .description('list the steps that a recipe can use, or show the options of one')
  .argument('[name]', 'the step')
  .addHelpText('after', example('recipe steps', 'recipe steps train'))
  .action(lazy(async () => (await import('./cli/steps.js')).steps));

program
  .command('doctor')
  .description('say which backends work on this machine, how fast each is, and what the others lack')
  .option('--threads <n>', 'threads of a compute step (default: all of the machine)', wholeNumber)
  .addHelpText('after', example('recipe doctor'))
  .action(lazy(async () => (await import('./cli/doctor.js')).doctor));

program
  .command('serve')
  .description('serve models over HTTP as OpenAI does, until Ctrl-C')
  .argument('<model...>', 'folders of models: out/tinybert/student, or one in the layout of Hugging Face')
  .option('--host <address>', 'where to listen; 0.0.0.0 is all of the network', '127.0.0.1')
  .option('--port <n>', 'where to listen; 0 takes a free port and says which', portNumber, 8000)
  .addOption(
    new Option('--name <name>', "what requests call the model; once for each (default: the folder's name)")
      .argParser((value: string, before: readonly string[]) => [...before, value])
      .default([], ''),
  )
  .option('--api-key-env <variable>', 'environment variable that holds the key that requests must carry')
  .option('--max-body <bytes>', 'largest request', wholeNumber, 4 * 2 ** 20)
  .option('--max-waiting <n>', 'requests that may wait for a model; more are told to come later', wholeNumber, 256)
  .option('--threads <n>', 'threads of each model (default: all of the machine)', wholeNumber)
  .option(
    '--reproducible',
    'answer the same, to the last bit, whatever else is asked meanwhile; slower for one at a time',
  )
  .addOption(
    new Option('--backend <name>', 'where models are computed').choices(BACKENDS).env('RECIPE_BACKEND').default('onnx'),
  )
  .addHelpText('after', example('recipe serve out/tinybert/student --name spam'))
  .action(lazy(async () => (await import('./cli/serve.js')).serve));

program
  .command('compare')
  .description('hold the models of several runs against each other, or those of a matrix within one')
  .argument('[run...]', 'runs, steps of them that evaluate (RUN:STEP), or folders of reports (default: the last run)')
  .option('--json', 'as JSON')
  .option('--html <file>', 'also write a page with the Pareto fronts, which needs no other file')
  .addHelpText('after', example('recipe compare', 'recipe compare 20261130-221004-tinybert 20261130-230712-tinybert'))
  .action(lazy(async () => (await import('./cli/compare.js')).compare));

program
  .command('try')
  .description('type texts and see what a model says, beside its teacher')
  .argument('<model>', "a model's folder, such as out/tinybert/student, or a step of the last run, or RUN:STEP")
  .option('--teacher <model>', 'another model, asked the same')
  .option('--json', 'one JSON object a line')
  .option('--max-tokens <n>', 'tokens that a language model writes, at most', wholeNumber, 64)
  .option('--threads <n>', 'threads of a model (default: all of the machine)', wholeNumber)
  .addOption(
    new Option('--backend <name>', 'where models are computed').choices(BACKENDS).env('RECIPE_BACKEND').default('onnx'),
  )
  .addHelpText(
    'after',
    example('recipe try out/tinybert/student --teacher teacher', 'recipe try student < texts.txt > answers.tsv'),
  )
  .action(lazy(async () => (await import('./cli/try.js')).tryModel));

function portNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError('Expected a port, 0 to 65535.');
  }
  return value;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number, 1 or more.');
  return value;
}

/** A reader that is gone (`| head`) is no error; whoever must stop because of it listens as well. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')) bug(error);
  });
}

function bug(error: unknown): never {
  reportBug(error);
  process.exit(EXIT.failed);
}
process.on('uncaughtException', bug);
process.on('unhandledRejection', bug);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed its message.
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else if (error instanceof UsageError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = EXIT.usage;
  } else {
    const known = namingFullDisk(error);
    if (!(known instanceof StepFailure)) bug(error);
    process.stderr.write(`error: ${known.message}\n  ${known.hint}\n`);
    process.exitCode = EXIT.failed;
  }
}
