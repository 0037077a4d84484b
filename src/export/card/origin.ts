import type { Ancestor, PlacedClaim } from '../../engine/step.js';
import { type DataUse, PERMISSION, TERMS, type Terms } from '../../teachers/claims.js';
import { type Ancestry, asks } from './ancestry.js';
import { code, list, plain, section, shown, table } from './markdown.js';
import { learnt, modelOf } from './method.js';

const PERMISSIONS: Readonly<Record<DataUse['permission'], string>> = {
  any: 'rows may be sent to another machine',
  redacted: 'rows may be sent to another machine only masked',
  internal: 'rows may not leave the machine',
};

const ALLOWS: Readonly<Record<Terms['allows'], string>> = {
  any: 'any training',
  'non-generative': 'training of models that make no texts',
  none: 'no training',
};

/** What the rows are, under which licence, what may be done with them. */
export function dataSection(ancestry: Ancestry): string {
  const sources = ancestry.made.filter(
    ({ uses, inputs }) => !['import-model', 'synthesize-data'].includes(uses) && Object.keys(inputs).length === 0,
  );
  const synthetic = ancestry.of('synthesize-data');
  if (sources.length + synthetic.length === 0)
    return section('Data', 'Nothing is known of the data that the model was trained on.');
  return section(
    'Data',
    list([
      ...sources.map((each) => dataLine(each, claimsOf(ancestry, PERMISSION))),
      ...synthetic.map(({ step }) => `${code(step)}: synthetic texts, which a model wrote`),
    ]),
  );
}

function dataLine({ step, options }: Ancestor, claims: readonly PlacedClaim[]): string {
  const { source, ...rest } = options as { source?: unknown };
  const own = claims.filter((claim) => claim.step === idOf(step));
  const uses = own.map(({ value }) => value as unknown as DataUse);
  const licence = uses.flatMap((use) => (use.licence === undefined ? [] : [plain(use.licence)]));
  const personal = uses.map((use) => use.personal_data);
  const words = [
    `${code(step)}: ${source === undefined ? details(rest) : details(source)}`,
    `licence: ${licence.join(', ') || 'not said'}`,
    `permission: ${uses.map(({ permission }) => PERMISSIONS[permission]).join(', ') || 'not said'}`,
    `personal data: ${personal.includes(true) ? 'yes' : personal.includes(false) ? 'no' : 'not said'}`,
  ];
  return words.join('; ');
}

/** Names of options whose values are nobody's business. */
const PRIVATE = /key|token|secret|password|url|headers/i;

/** What an option says, without what may be private: addresses, and whatever comes from the environment. */
function details(value: unknown): string {
  if (typeof value !== 'object' || value === null) return code(shown(value));
  return Object.entries(value)
    .filter(([name, part]) => !PRIVATE.test(name) && name !== 'data' && !JSON.stringify(part)?.includes('${{'))
    .filter(([, part]) => part !== null && !(Array.isArray(part) && part.length === 0))
    .map(([name, part]) => `${plain(name)} ${code(shown(part))}`)
    .join(', ');
}

/** Who taught the model. */
export function teacherSection(ancestry: Ancestry): string | undefined {
  const { teachers } = ancestry;
  if (teachers.length === 0) return undefined;
  return section('Teacher', list(teachers.map(teacherLine)));
}

function teacherLine(teacher: Ancestor): string {
  const { step, uses, options } = teacher;
  const name = code(step);
  if (uses === 'query-teacher') {
    const {
      teacher: asked,
      task,
      redact,
    } = options as unknown as {
      teacher: { provider?: string; model: string };
      task: { mode: string };
      redact?: readonly unknown[];
    };
    const masked = (redact?.length ?? 0) > 0 ? '; personal data was masked before it was asked' : '';
    return `${name}: ${code(asked.model)} behind an API (${plain(asked.provider ?? 'custom')}), asked to ${plain(task.mode)}${masked}`;
  }
  if (uses === 'synthesize-data') {
    const { teacher: writer, judge } = options as unknown as {
      teacher: { model: string };
      judge?: false | { teacher?: { model: string } };
    };
    const chooser = judge === false ? undefined : (judge?.teacher?.model ?? writer.model);
    const chosen = chooser === undefined ? '' : `, of which ${code(chooser)} said that they fit their labels`;
    return `${name}: ${code(writer.model)} behind an API, which wrote synthetic texts${chosen}`;
  }
  if (uses === 'import-model') return `${name}: an imported model, ${details(options)}`;
  if (uses === 'train') return `${name}: ${modelOf(teacher)}, trained in this recipe: ${learnt(teacher)}`;
  return `${name}: made by ${code(uses)}`;
}

/** What claims forbid or allow, and why the recipe's author went against one. */
export function termsSection(ancestry: Ancestry): string {
  const terms = claimsOf(ancestry, TERMS);
  const all = ancestry.origin.claims;
  const reasons = all.flatMap(({ step, acknowledged }) => (acknowledged === undefined ? [] : [[step, acknowledged]]));
  const unique = [...new Map(reasons.map((pair) => [pair.join('\n'), pair])).values()];
  const asked = ancestry.teachers.filter(asks);
  const silent = asked.filter(({ step }) => !terms.some((claim) => claim.step === idOf(step)));
  return section(
    'Terms',
    terms.length > 0
      ? table(
          ['teacher', 'allows', 'terms', 'read on'],
          terms.map(({ step, value }) => {
            const { allows, link, checked } = value as unknown as Terms;
            return [code(step), ALLOWS[allows], link === undefined ? 'not said' : plain(link), checked ?? 'not said'];
          }),
        )
      : undefined,
    silent.length > 0
      ? `Of ${silent.map(({ step }) => code(step)).join(', ')} the recipe says no terms.`
      : asked.length === 0
        ? 'No model behind an API was asked, so no terms of one apply.'
        : undefined,
    unique.length > 0
      ? `The recipe goes against what is said of these steps, and says why:\n\n${list(
          unique.map(([step, reason]) => `${code(step as string)}: ${plain(reason as string)}`),
        )}`
      : undefined,
  );
}

const claimsOf = ({ origin }: Ancestry, topic: string): PlacedClaim[] =>
  origin.claims.filter((claim) => claim.topic === topic);

/** The recipe's step of an instance: `student` of `student[seed=1]`. */
const idOf = (instance: string): string => instance.split('[')[0] as string;
