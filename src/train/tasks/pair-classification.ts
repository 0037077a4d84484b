import type { DatasetInfo } from '../../data/dataset.js';
import { classification } from './classification.js';
import type { Task } from './task.js';

/** One of some labels for two texts, which are read together. */
export const pairClassification = (info: DatasetInfo): Task => ({
  ...classification(info),
  name: 'pair-classification',
  pairs: true,
});
