import { withoutGradient } from '../../backend/gradient.js';
import type { Tensor } from '../../backend/tf.js';
import type { Wanted } from '../../data/logits.js';
import { ensembleOf } from '../../methods/ensemble.js';
import { teacherOf } from '../../methods/index.js';
import type { TeacherSignal } from '../../methods/objective.js';
import type { TransformerConfig } from '../../models/architecture.js';
import { architectureOf } from '../../models/architectures.js';
import type { Parameters } from '../../models/initialize.js';
import type { Objective, Stage as StageOptions } from '../../options/train.js';
import { StepFailure } from '../../util/failure.js';
import { fitBetween } from '../fit.js';
import { signalOf } from '../live.js';
import { namesOf, partsOf, wantedOf } from '../objective-parts.js';
import { memberOf, type Said, type Stage } from '../stage.js';
import { frozenNames, type Trainee } from '../trainee.js';
import { jointStage, type Model } from './joint.js';

/** A model that learns together with others. */
export interface Peer {
  readonly config: TransformerConfig;
  /** From which of them it learns, the first being 0: from each of these, or from the mean of all, itself too. */
  readonly teachers: 'ensemble' | readonly number[];
}

/** What stands before the names of a peer's parameters, the first being 0. */
export const peerPrefix = (peer: number): string => `peer.${peer}.`;

/** Peers' parameters under the names that they have in the graph. */
export const joined = (parameters: readonly Parameters[]): Parameters =>
  Object.assign({}, ...parameters.map((own, k) => renamed(own, (name) => peerPrefix(k) + name)));

/** The parameters of one of them, under its own names. */
export const peerOf = (parameters: Parameters, peer: number): Parameters =>
  renamed(
    Object.fromEntries(Object.entries(parameters).filter(([name]) => name.startsWith(peerPrefix(peer)))),
    (name) => name.slice(peerPrefix(peer).length),
  );

const renamed = <T>(all: Readonly<Record<string, T>>, name: (old: string) => string): Record<string, T> =>
  Object.fromEntries(Object.entries(all).map(([old, value]) => [name(old), value]));

/**
 * Models that learn at once, from labels and from one another's answers to the same batch, each with its own dropout
 * (deep mutual learning, Zhang et al. 2018, arXiv:1706.00384, where all are updated at once from the answers that they
 * gave before the update). An objective that learns from a teacher is the mean over the peers that a model learns from.
 * A metric of all is the mean of theirs.
 */
export function peers(all: readonly Peer[]): Trainee {
  const [{ config }] = all as readonly [Peer];
  const specs = all.map((peer) => architectureOf(peer.config).parameters(peer.config));
  return {
    specs: Object.assign({}, ...specs.map((own, k) => renamed(own, (name) => peerPrefix(k) + name))),
    frozen: (parts) =>
      new Set(all.flatMap((peer, k) => [...frozenNames(parts, peer.config)].map((name) => peerPrefix(k) + name))),
    maxLength: config.maxLength,
    modelOf: (parameter) => parameter.split('.', 2).join('.'),
    stage: (options, key) => peersStage(all, options, key),
    async measure(judge, metric, runner, parameters) {
      let sum = 0;
      for (const [k, peer] of all.entries()) {
        sum += await judge.measure(metric, runner, peer.config, peerOf(parameters, k));
      }
      return sum / all.length;
    },
  };
}

/** An objective as one peer has it. */
interface Lesson {
  readonly entry: Objective;
  readonly name: string;
  readonly factor: number;
}

function lessonsOf({ objectives }: Pick<StageOptions, 'objectives'>, { teachers }: Peer): Lesson[] {
  const names = namesOf(objectives);
  return objectives.flatMap((entry, i): Lesson[] => {
    const name = names[i] as string;
    if (teacherOf(entry) === undefined) return [{ entry, name, factor: 1 }];
    if (teachers === 'ensemble') return [{ entry, name, factor: 1 }];
    return teachers.map((teacher, place) => ({
      entry: { ...entry, teacher: place + 1 } as Objective,
      name: teachers.length > 1 ? `${name} of peer ${teacher + 1}` : name,
      factor: 1 / teachers.length,
    }));
  });
}

function peersStage(all: readonly Peer[], options: StageOptions, key: string): Stage {
  const taught = all.map((peer, k) => {
    const { config, teachers } = peer;
    const lessons = lessonsOf(options, peer);
    const fits =
      teachers === 'ensemble'
        ? [fitBetween(config, config)]
        : teachers.map((place) => fitBetween(config, (all[place] as Peer).config));
    const entries = lessons.map(({ entry }) => entry);
    const parts = located(k, () =>
      partsOf(
        entries,
        config.head,
        fits,
        lessons.map(({ factor }) => factor),
      ),
    );
    return { peer, lessons, parts, wanted: wantedOf(parts, fits.length) };
  });
  /** Whether some peer looks at the last layer of this one. */
  const whole = (k: number): boolean =>
    taught.some(
      ({ peer, wanted }) =>
        peer.teachers !== 'ensemble' &&
        peer.teachers.some(
          (place, i) => place === k && wanted[i]?.hiddenStates.includes((all[k] as Peer).config.layers),
        ),
    );
  const models: Model[] = [];
  for (const [k, { peer, lessons, parts, wanted }] of taught.entries()) {
    const before = models.map(({ member }) => member);
    const member = memberOf(peer.config, parts, wanted.length, [], {
      objectives: before.reduce((sum, { names }) => sum + names.length, 0),
      sites: before.reduce((sum, { dropout }) => sum + dropout(1, 1).length, 0),
      whole: whole(k),
    });
    const own = Object.keys(architectureOf(peer.config).parameters(peer.config));
    models.push({
      member,
      names: Object.fromEntries(own.map((name) => [name, peerPrefix(k) + name])),
      prefix: peerPrefix(k),
      losses: lessons.map(({ name }) => `peer ${k + 1} ${name}`),
      hear: (said, mask) => heard(peer, said, mask, wanted),
    });
  }
  return jointStage(models, key);
}

/** What a peer's teachers have said. */
function heard({ teachers }: Peer, said: readonly Said[], mask: Tensor, wanted: readonly Wanted[]): TeacherSignal[] {
  const signal = ({ student, continuation }: Said, own: Wanted): TeacherSignal => {
    const next = own.logits ? continuation?.logits() : undefined;
    return signalOf(student, { logits: student.logits, next }, mask, own);
  };
  if (teachers !== 'ensemble') return teachers.map((place, i) => signal(said[place] as Said, wanted[i] as Wanted));
  const [own] = wanted as readonly [Wanted];
  return own.logits ? [withoutGradient(() => ensembleOf(said.map((each) => signal(each, own))))] : [];
}

/** Says which peer an objective does not fit. */
function located<T>(peer: number, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    throw new StepFailure(error.reason, `peer ${peer + 1}: ${error.message}`, error.hint, `/peers/${peer}`);
  }
}
