import type { Foreseen } from '../engine/step.js';
import type { CacheLogitsOptions } from '../options/cache-logits.js';
import type { Objective, TrainOptions } from '../options/train.js';
import type { Json } from '../util/json.js';

/** What a recipe says of a model before it is there. Nothing here computes: it is asked while a recipe is checked. */
export interface ModelFacts {
  readonly of: 'model';
  readonly type: string;
  readonly task: TrainOptions['task'];
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  /** Heads of the values of attention. */
  readonly valueHeads: number;
}

/** What it says of a teacher's cache. */
export interface LogitsFacts {
  readonly of: 'logits';
  readonly teacher: ModelFacts;
  readonly hiddenStates: readonly number[];
  readonly attention: readonly number[];
  readonly values: readonly number[];
  readonly vectors: boolean;
  /** Undefined where the recipe does not say. */
  readonly tokens: CacheLogitsOptions['tokens'];
}

const modelAmong = (facts: Json | undefined): ModelFacts | undefined => {
  const found = facts as unknown as ModelFacts | undefined;
  return found?.of === 'model' ? found : undefined;
};

/** What a teacher is, where the recipe says it. */
export const teacherFacts = (known: Foreseen): readonly (ModelFacts | LogitsFacts | undefined)[] =>
  known('teacher').map((facts) => facts as unknown as ModelFacts | LogitsFacts | undefined);

/** The model that a `train` step makes; undefined for one without layers, or where it is not known yet. */
export function modelFacts({ model, task }: TrainOptions, known: Foreseen): ModelFacts | undefined {
  if (model === undefined || model.type === 'logistic') return undefined;
  if (model.type === 'pretrained') {
    const other = modelAmong(known('init')[0]);
    if (other === undefined) return undefined;
    const { layers } = model;
    return { ...other, task, layers: Array.isArray(layers) ? layers.length : (layers ?? other.layers) };
  }
  const { type, layers, hidden, heads } = model;
  const valueHeads = ('kv_heads' in model && model.kv_heads) || heads;
  return { of: 'model', type, task, layers, hidden, heads, valueHeads };
}

/** What a `cache-logits` step makes; undefined where its teacher is not known yet. */
export function logitsFacts(options: CacheLogitsOptions, known: Foreseen): LogitsFacts | undefined {
  const teacher = modelAmong(known('teacher')[0]);
  if (teacher === undefined) return undefined;
  const { hidden_states: hiddenStates, attention, values, vectors, tokens } = options;
  return { of: 'logits', teacher, hiddenStates, attention, values, vectors, tokens };
}

/** What an `ensemble-teachers` step makes: answers of the first teacher's kind, and nothing of any teacher's layers. */
export function ensembleFacts(known: Foreseen): LogitsFacts | undefined {
  const first = known('teachers')[0] as unknown as LogitsFacts | undefined;
  return first && { ...first, hiddenStates: [], attention: [], values: [] };
}

/** Whether something could be wrong with what an objective asks of a teacher: class logits are in every cache. */
export function asksOfTeacher({ stages, task }: TrainOptions, known: Foreseen): boolean {
  if (known('teacher').every((facts) => facts === undefined)) return false;
  const asks = ({ type }: Objective): boolean =>
    type !== 'hard-label' && (type !== 'soft-label' || task === 'generation');
  return (stages ?? []).some(({ objectives }) => objectives.some(asks));
}

/** As the engine carries it. */
export const output = (name: string, facts: ModelFacts | LogitsFacts | undefined): Record<string, Json> =>
  facts === undefined ? {} : { [name]: facts as unknown as Json };
