import type { Ancestor } from '../../engine/step.js';
import type { Ancestry } from './ancestry.js';
import type { Facts } from './facts.js';
import { code, grouped, list, plain, section, shown, table } from './markdown.js';

interface Objective {
  readonly type: string;
  readonly [option: string]: unknown;
}

interface Stage {
  readonly objectives: readonly Objective[];
  readonly epochs?: number;
  readonly updates?: number;
  readonly learning_rate?: number;
}

/** `a bert of 2 layers of 40` */
export function modelOf({ options }: Ancestor): string {
  const { model } = options as { model?: { type?: string; layers?: number; hidden?: number } };
  if (model?.type === undefined) return 'a model';
  const size =
    model.layers !== undefined && model.hidden !== undefined ? ` of ${model.layers} layers of ${model.hidden}` : '';
  return `a ${plain(model.type)} model${size}`;
}

/** What a train step learnt from, in a line. */
export function learnt({ options }: Ancestor): string {
  const { stages = [] } = options as { stages?: readonly Stage[] };
  const names = stages.map(({ objectives }) => objectives.map(({ type }) => code(type)).join(' and '));
  return names.length > 0 ? names.join(', then ') : 'the labels, to the optimum';
}

/** How the model, and what it comes from, was trained. */
export function methodSection(ancestry: Ancestry, { trainedOn, labels }: Pick<Facts, 'trainedOn' | 'labels'>): string {
  const { model } = ancestry;
  const trained = ancestry
    .of('train')
    .filter(({ step }) => step !== model?.step && !ancestry.teachers.some((t) => t.step === step));
  return section(
    'Method',
    model === undefined ? 'How the model was made is not known.' : undefined,
    model?.uses === 'import-model' ? 'The model was imported as it is.' : undefined,
    model?.uses === 'train' ? trainingOf(model) : undefined,
    model?.uses === 'train-multitask' ? togetherOf(model) : undefined,
    trainedOn === undefined
      ? undefined
      : `It learnt from ${grouped(trainedOn.rows)} rows${labels.length > 0 ? `, ${grouped(trainedOn.labelled)} of them with a real label` : ''}${trainedOn.synthetic ? `; ${grouped(trainedOn.synthetic)} are synthetic: a model wrote them` : ''}.`,
    ...trained.map((each) => `Before it, ${code(each.step)} trained ${modelOf(each)}. ${trainingOf(each)}`),
  );
}

function trainingOf(step: Ancestor): string {
  const { options, seed } = step;
  const {
    stages = [],
    batch_size: batch,
    optimizer,
  } = options as {
    stages?: readonly Stage[];
    batch_size?: number;
    optimizer?: { type?: string };
  };
  const kept = stages.length > 0 && batch !== undefined;
  const how = kept ? `, batches of ${batch}, optimizer ${plain(optimizer?.type ?? 'adamw')}` : '';
  const head = `${code(step.step)} is ${modelOf(step)}, trained from seed ${seed}${how}.`;
  if (stages.length === 0) return head;
  return `${head}\n\n${table(['stage', 'objectives', 'length', 'learning rate'], stages.map(stageRow), [0])}`;
}

/** Of one of several models that share an encoder: what they were trained for. */
function togetherOf({ step, options, seed }: Ancestor): string {
  const {
    tasks = [],
    updates = 0,
    learning_rate: rate,
  } = options as {
    tasks?: readonly { name: string; task?: string; objectives: readonly Objective[]; weight?: number }[];
    updates?: number;
    learning_rate?: number;
  };
  const rows = tasks.map(({ name, task = 'classification', objectives, weight = 1 }) => [
    code(name),
    plain(task),
    objectives.map(objective).join('<br>'),
    String(weight),
  ]);
  const head = `It shares its encoder with the models of all tasks that ${code(step)} trained together, from seed ${seed} in ${grouped(updates)} updates, learning rate ${rate}.`;
  return `${head}\n\n${table(['task', 'for', 'objectives', 'weight'], rows, [3])}`;
}

function stageRow({ objectives, epochs, updates, learning_rate: rate }: Stage, i: number): string[] {
  const length = updates !== undefined ? `${grouped(updates)} updates` : `${epochs ?? 1} epochs`;
  return [String(i + 1), objectives.map(objective).join('<br>'), length, String(rate ?? '')];
}

function objective({ type, ...options }: Objective): string {
  const said = Object.entries(options).filter(([, value]) => value !== null);
  return [code(type), ...said.map(([name, value]) => `${plain(name)} ${plain(shown(value))}`)].join(', ');
}

/** Every step that the model and its figures come from, with what finds it again. */
export function lineageSection({ origin, made }: Ancestry, versions: Readonly<Record<string, string>>): string {
  const rows = origin.lineage.map((each) => [
    code(each.step),
    `${code(each.uses)} ${each.version}`,
    made.includes(each) ? 'model' : 'evaluation',
    sourcesOf(each),
    code(each.fingerprint.slice(0, 16)),
    String(each.seed),
  ]);
  const packages = new Map(origin.lineage.flatMap(({ packages }) => Object.entries(packages)));
  const all = { ...versions, ...Object.fromEntries(packages) };
  return section(
    'Lineage',
    table(['step', 'type and version', 'of', 'made of', 'fingerprint', 'seed'], rows, [5]),
    'A fingerprint stands for all that a result depends on: options, inputs, seed and versions.',
    list(Object.entries(all).map(([name, version]) => `${plain(name)} ${plain(version)}`)),
  );
}

const sourcesOf = ({ inputs }: Ancestor): string => {
  const ids = [...new Set(Object.values(inputs).flat())];
  return ids.length === 0 ? '–' : ids.map(code).join(', ');
};
