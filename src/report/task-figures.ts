/** Figures of each task that models are judged by, beside retention and size, in the order of the table. */
export const TASK_FIGURES = {
  classification: ['macro_f1', 'accuracy', 'micro_f1', 'roc_auc', 'mcc', 'log_loss', 'brier', 'ece'],
  tagging: ['accuracy', 'macro_f1', 'entity_precision', 'entity_recall', 'entity_f1'],
  'multi-label': ['micro_f1', 'macro_f1', 'accuracy', 'roc_auc'],
  'masked-language-model': [],
  generation: [],
  regression: ['pearson', 'spearman', 'mae', 'rmse'],
} as const;

/** What `expect` may name of a student of each task. */
export const COMPARED = ['retention', 'agreement', 'size_ratio'] as const;

/** 1 at best but for the errors, which are 0; `accuracy` of multi-label is of all labels of a text together. */
export type TaskFigure = (typeof TASK_FIGURES)[Exclude<keyof typeof TASK_FIGURES, 'classification'>][number];

/** What people call them. */
export const FIGURE_NAMES: Readonly<Record<TaskFigure | 'mrr', string>> = {
  accuracy: 'accuracy',
  macro_f1: 'macro-F1',
  micro_f1: 'micro-F1',
  entity_precision: 'precision',
  entity_recall: 'recall',
  entity_f1: 'entity F1',
  pearson: 'Pearson',
  spearman: 'Spearman',
  mae: 'MAE',
  rmse: 'RMSE',
  roc_auc: 'AUC',
  mrr: 'MRR',
};
