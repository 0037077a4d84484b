import type { Tensors } from '../../backend/runner.js';
import type { Tensor } from '../../backend/tf.js';
import { methodsOf, teacherOf } from '../../methods/index.js';
import type { LastTokens, TransformerConfig } from '../../models/architecture.js';
import { architectureOf } from '../../models/architectures.js';
import { type Exit, exitSites, exitSpecs, forwardWithExits } from '../../models/exits.js';
import { zeroed } from '../../models/layers.js';
import type { Objective, Stage as StageOptions } from '../../options/train.js';
import { dropoutFeed } from '../feeds.js';
import { fitBetween } from '../fit.js';
import { signalOf } from '../live.js';
import { namesOf, partsOf, wantedOf } from '../objective-parts.js';
import { answered, type DropoutSite, memberOf, type Said, type Stage } from '../stage.js';
import { frozenNames, type Trainee } from '../trainee.js';
import { jointStage, type Model } from './joint.js';

/**
 * A model with a head after some of its layers. The last head learns from labels; each exit from these and from the last:
 * from its answers, and with hidden-states its own state from the last layer's (be your own teacher, Zhang et al. 2019,
 * arXiv:1905.08094, whose features pass through a bottleneck first: here the projection). The losses are added up. The
 * layers are computed once, so their dropout is the same for all heads.
 */
export function withExits(config: TransformerConfig, exits: readonly Exit[]): Trainee {
  const own = Object.keys(architectureOf(config).parameters(config));
  return {
    specs: Object.assign({}, architectureOf(config).parameters(config), ...exits.map(exitSpecs)),
    frozen: (parts) => frozenNames(parts, config),
    maxLength: config.maxLength,
    stage: (options, key) => exitsStage(config, exits, options, key),
    measure: (judge, metric, runner, parameters) =>
      judge.measure(metric, runner, config, Object.fromEntries(own.map((name) => [name, parameters[name] as never]))),
  };
}

function exitsStage(config: TransformerConfig, exits: readonly Exit[], options: StageOptions, key: string): Stage {
  const names = namesOf(options.objectives);
  const lessons = options.objectives.map((entry, i) => ({ entry, name: names[i] as string }));
  const all = Object.keys(architectureOf(config).parameters(config));
  const last = { layer: config.layers, config, names: Object.fromEntries(all.map((name) => [name, name])) };
  const taught = [
    ...exits.map((exit) => ({
      ...exit,
      lessons: lessons.map(({ entry, name }) => ({ entry: towardsLast(entry, exit.layer, config.layers), name })),
    })),
    { ...last, lessons: lessons.filter(({ entry }) => teacherOf(entry) === undefined) },
  ];
  const models: Model[] = [];
  let whole = config.head === 'token-classifier';
  for (const { layer, config: own, names: named, lessons: learnt } of taught) {
    const entries = learnt.map(({ entry }) => entry);
    const parts = partsOf(entries, config.head, [fitBetween(own, config)]);
    const wanted = wantedOf(parts, 1)[0] as ReturnType<typeof wantedOf>[number];
    whole ||= wanted.hiddenStates.includes(config.layers);
    models.push({
      member: memberOf(own, parts, 1, [], {
        objectives: models.reduce((sum, { losses }) => sum + losses.length, 0),
        sites: 0,
        whole: false,
      }),
      names: named,
      prefix: `exit.${layer}.`,
      losses: learnt.map(({ name }) => `layer ${layer} ${name}`),
      hear(said, mask) {
        const { student } = said.at(-1) as Said;
        return [signalOf(student, { logits: student.logits, next: undefined }, mask, wanted)];
      },
    });
  }
  const lastTokens: LastTokens = whole ? 'all' : 'pooled';
  const dropout = (rows: number, length: number): DropoutSite[] =>
    exitSites(config, exits, rows, length, lastTokens).map((shape) => ({ shape, zeroed: zeroed(config.dropout) }));
  const { questions } = methodsOf(config.head);
  const computes = (views: readonly Tensors[], batch: Tensors): Said[] => {
    const [ids, mask] = [batch.ids as Tensor, batch.mask as Tensor];
    const [size, length] = ids.shape as [number, number];
    const keep = dropout(size, length).map((_, site) => batch[dropoutFeed(site)] as Tensor);
    const outputs = forwardWithExits(config, exits, views, {
      ids,
      mask,
      types: batch.types,
      dropout: keep,
      lastTokens,
    });
    return outputs.map((output) => ({ student: answered(output, questions), continuation: undefined }));
  };
  return jointStage(models, key, computes, dropout);
}

/** An exit's state learns from the model's last one: what is below they share. */
const towardsLast = (entry: Objective, layer: number, layers: number): Objective =>
  entry.type === 'hidden-states' ? { ...entry, layer_map: [[layer, layers]] } : entry;
