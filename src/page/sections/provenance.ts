import { formatBytes } from '../../util/bytes.js';
import { anything, cellOf } from '../generic.js';
import { type Html, html } from '../html.js';
import { isObject } from '../json.js';
import type { RunData, StepData } from '../run-data.js';
import type { Section } from '../section.js';
import { details, facts, tableOf } from '../table.js';
import { plain } from '../words.js';

/** Where everything comes from: hashes, versions, the machine, terms and permissions. */
export const provenance: Section = {
  id: 'provenance',
  title: 'Provenance',
  render(run) {
    const { steps } = run;
    return html`${facts(machine(run))}${terms(steps)}${details('Fingerprints, seeds and versions', fingerprints(steps))}${details(
      'Digests of all results',
      digests(steps),
    )}${
      steps.some(({ parts }) => parts) &&
      details(
        'Options of each step, defaults filled in',
        html`${steps.map(({ id, parts }) => parts && html`<h4>${id}</h4>${anything(parts.options, id)}`)}`,
      )
    }`;
  },
};

function machine({ record }: RunData): [string, Html | string | undefined][] {
  const { machine: own } = record;
  return [
    ['run', html`<code>${record.id}</code>`],
    ['started', record.started.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ['threads', String(record.threads)],
    [
      'machine',
      own && [own.processor, `${own.cores} cores`, formatBytes(own.memory)].filter((words) => words !== '').join(', '),
    ],
    ['system', own && `${own.system}, ${own.architecture}`],
    ['Node.js', own?.node],
    ['recipe', own?.recipe],
  ];
}

/** What steps say of their results that holds for all that is made of them. */
function terms(steps: readonly StepData[]): Html | undefined {
  const rows = steps.flatMap(({ id, claims }) =>
    claims.map(({ topic, value }) => [
      id,
      plain(topic.replaceAll('-', ' ')),
      isObject(value)
        ? Object.entries(value)
            .map(([name, part]) => `${plain(name)}: ${cellOf(part)}`)
            .join('; ')
        : cellOf(value),
    ]),
  );
  if (rows.length === 0) return html`<p>The recipe says no terms of teachers and no permissions of data.</p>`;
  const columns = [{ label: 'step' }, { label: 'about' }, { label: 'what holds' }];
  return html`<h3>Terms and permissions</h3>${tableOf({ columns, rows }, 'Terms and permissions')}`;
}

function fingerprints(steps: readonly StepData[]): Html {
  const columns = [
    { label: 'step' },
    { label: 'fingerprint' },
    { label: 'seed', align: 'right' as const },
    { label: 'versions' },
  ];
  const rows = steps.map(({ id, uses, fingerprint, parts }) => [
    id,
    fingerprint ? html`<code>${fingerprint}</code>` : '–',
    parts ? String(parts.seed) : '–',
    parts
      ? [
          `${uses} ${parts.version}`,
          ...Object.entries(parts.packages).map(([name, version]) => `${name} ${version}`),
        ].join(', ')
      : '–',
  ]);
  return tableOf({ columns, rows }, 'Fingerprints, seeds and versions');
}

function digests(steps: readonly StepData[]): Html {
  const columns = [
    { label: 'output' },
    { label: 'kind' },
    { label: 'size', align: 'right' as const },
    { label: 'digest' },
  ];
  const rows = steps.flatMap(({ id, results }) =>
    results.flatMap(({ name, kind, digest, bytes }) =>
      digest === undefined ? [] : [[`${id}: ${name}`, kind, formatBytes(bytes), html`<code>${digest}</code>`]],
    ),
  );
  return tableOf({ columns, rows }, 'Digests of all results');
}
