import type { Tensors } from '../../backend/runner.js';
import { type Tensor, tf } from '../../backend/tf.js';
import type { TeacherSignal } from '../../methods/objective.js';
import type { Member, Said, Stage } from '../stage.js';

/** One of several models that learn in one graph, from labels and from one another. */
export interface Model {
  readonly member: Member;
  /** Names of its parameters in the graph, by its own. Models may share some. */
  readonly names: Readonly<Record<string, string>>;
  /** Before the names of what its objectives learn. */
  readonly prefix: string;
  /** What its objectives are called. */
  readonly losses: readonly string[];
  /**
   * What its teachers say, by place.
   * @param said what each model of the graph has computed
   * @param mask [batch, length]
   */
  hear(said: readonly Said[], mask: Tensor): readonly TeacherSignal[];
}

/** What all models compute of a batch; without it, each does for itself. */
type Computes = (views: readonly Tensors[], batch: Tensors) => readonly Said[];

/**
 * A stage in which several models learn at once: the loss is the sum of theirs. What one hears of another is nothing
 * that the other learns by, so each model's gradient is that of its own loss, its peers' answers given.
 *
 * @param key names the stage; no two may share one
 * @param dropout of the whole graph, in order of use; without it, each model's own, one after the other
 */
export function jointStage(
  models: readonly Model[],
  key: string,
  computes: Computes = (views, batch) => models.map(({ member }, i) => member.compute(views[i] as Tensors, batch)),
  dropout: Stage['dropout'] = (rows, length) => models.flatMap(({ member }) => member.dropout(rows, length)),
): Stage {
  const members = models.map(({ member }) => member);
  const call = (parameters: Tensors, batch: Tensors): Tensors => {
    const views = models.map((model) => viewOf(model, parameters));
    const said = computes(views, batch);
    const learnt = models.map(({ member, hear }, i) =>
      member.learn(said[i] as Said, hear(said, batch.mask as Tensor), views[i] as Tensors, batch),
    );
    const losses = learnt.flatMap((each) => each.losses);
    const loss = learnt.map((each) => each.loss).reduce((a, b) => tf.add(a, b));
    return { loss, ...Object.fromEntries(losses.map((own, i) => [`loss.${i}`, own])) };
  };
  return {
    fn: { key, call },
    specs: Object.fromEntries(
      models.flatMap(({ member, prefix }) =>
        Object.entries(member.specs).map(([name, spec]) => [prefix + name, spec] as const),
      ),
    ),
    fixed: {},
    wanted: [],
    dropout,
    over: members.flatMap(({ over }) => over.map(({ counted }) => ({ counted, teacher: undefined }))),
    numbers: (progress, written) => Object.assign({}, ...members.map(({ numbers }) => numbers(progress, written))),
    onPolicy: undefined,
    // A peer knows every row.
    applies: (labelled) => members.some(({ applies }) => applies(labelled, () => true)),
    losses: models.flatMap(({ losses }, model) => losses.map((name) => ({ name, model }))),
  };
}

/** The parameters of a model and of its objectives, by its own names. */
function viewOf({ member, names, prefix }: Model, parameters: Tensors): Tensors {
  const model = Object.entries(names).map(([own, name]) => [own, parameters[name] as Tensor]);
  const objectives = Object.keys(member.specs).map((name) => [name, parameters[prefix + name] as Tensor]);
  return Object.fromEntries([...model, ...objectives]);
}
