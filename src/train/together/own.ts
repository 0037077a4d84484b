import type { StepContext } from '../../engine/step.js';
import type { TransformerConfig } from '../../models/architecture.js';
import type { Parameters } from '../../models/initialize.js';
import type { SelfDistillOptions } from '../../options/self-distill.js';
import type { Stage } from '../../options/train.js';
import type { Beginning } from '../beginning.js';
import { fitBetween } from '../fit.js';
import type { Lessons } from '../lessons.js';
import type { Setting } from '../setting.js';
import type { Teacher } from '../teachers.js';

/** What the ways to learn from oneself have in common. */
export interface Own {
  readonly ctx: StepContext<SelfDistillOptions>;
  readonly lessons: Lessons;
  readonly stages: readonly Stage[];
  /** The model before its first update. */
  readonly start: Beginning;
  readonly setting: Setting;
  /** Writes a model into a folder. */
  save(folder: string, config: TransformerConfig, parameters: Parameters): Promise<void>;
}

/** A model as its own teacher, which is asked. */
export function itself({ config, parameters }: Pick<Beginning, 'config' | 'parameters'>, { task }: Lessons): Teacher {
  const { labels } = task;
  const live = { model: { config, labels, parameters }, order: labels.map((_, i) => i) };
  return { fit: fitBetween(config, config), said: undefined, live };
}
