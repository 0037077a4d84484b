import type { Ratio } from '../../report/compare.js';
import type { ModelReport } from '../../report/evaluate.js';
import type { TaskModelReport } from '../../report/task-report.js';
import { figure, grouped, list, percent } from './markdown.js';

/** What is known of a model beyond the table: how sure it may be taken to be, how like its teacher and its twin it is. */
export function qualityList(model: ModelReport | TaskModelReport, comparedBy: string): string | undefined {
  const own = 'figures' in model ? ofTask(model, comparedBy) : ofLabels(model);
  const lines = [...own, ...agreementLine(model.agreement), ...sizeLine(model.size_ratio)];
  return lines.length > 0 ? list(lines) : undefined;
}

function ofLabels({ roc_auc: auc, mcc, log_loss: loss, brier, calibration, retention, baseline }: ModelReport) {
  const area = auc === null ? '' : `area under the ROC curve ${figure(auc)}, `;
  return [
    `Of its probabilities: ${area}log loss ${figure(loss)}, Brier score ${figure(brier)}, expected calibration error ${figure(calibration.ece)} (${calibration.bins.length} bins): how far a probability is, in the mean, from the share that it gets right.`,
    `Matthews’ correlation coefficient: ${figure(mcc)}.`,
    ...(retention === null ? [] : [`Retention: ${ratio(retention.macro_f1)}.`]),
    ...(baseline === null
      ? []
      : [
          `Against the baseline: ${grouped(baseline.only_this_wrong)} rows that it alone has wrong, ${grouped(baseline.only_baseline_wrong)} that the other alone has wrong (McNemar’s exact test: p = ${baseline.mcnemar_p.toFixed(3)}).`,
        ]),
  ];
}

function ofTask({ retention, ahead_of_baseline: ahead }: TaskModelReport, comparedBy: string): string[] {
  return [
    ...(retention === null ? [] : [`Retention: ${ratio(retention)}.`]),
    ...(ahead?.value == null
      ? []
      : [
          `Ahead of the baseline by ${figure(ahead.value)} [${figure(ahead.interval?.low ?? null)}, ${figure(ahead.interval?.high ?? null)}] of ${comparedBy}.`,
        ]),
  ];
}

function agreementLine(agreement: Pick<Ratio, 'value' | 'interval'> | null): string[] {
  if (agreement?.value == null) return [];
  return [`Agreement with its teacher, right or wrong: ${ratio(agreement)}.`];
}

const sizeLine = (share: number | null): string[] =>
  share === null ? [] : [`Size: ${percent(share)} of its teacher’s parameters.`];

const ratio = ({ value, interval }: Pick<Ratio, 'value' | 'interval'>): string =>
  value === null ? '–' : `${percent(value)}${interval ? ` [${shareOf(interval.low)}, ${shareOf(interval.high)}]` : ''}`;
const shareOf = (value: number | null): string => (value === null ? '–' : (100 * value).toFixed(1));
