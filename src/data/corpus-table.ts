import { type Corpus, FATES } from './corpus.js';
import { SPLITS } from './split.js';

/** With more labels than this a column for each would not fit. */
const MOST_COLUMNS = 6;

/** What became of the rows, for people: a line a stage, a column a label. */
export function corpusTable(corpus: Corpus) {
  // Labels of which a text may have several are no columns: a row would stand in more than one.
  const single = corpus.labels.filter((label) => corpus.read.includes(label));
  const shown: (string | null)[] = single.length > MOST_COLUMNS ? [] : [...single];
  const someUnlabelled = corpus.read.includes(null) || corpus.splits.train.some((row) => row.label === null);
  if (shown.length > 0 && someUnlabelled) shown.push(null);
  const line = (name: string, labels: readonly (string | null)[], sign = 1): string[] => [
    name,
    ...shown.map((label) => format(sign * labels.filter((other) => other === label).length)),
    format(sign * labels.length),
  ];
  const dropped = FATES.filter((fate) => corpus.dropped[fate].length > 0);
  return {
    title: 'corpus',
    columns: [
      { label: '', align: 'left' as const },
      ...shown.map((label) => ({ label: label ?? 'unlabelled', align: 'right' as const })),
      { label: 'rows', align: 'right' as const },
    ],
    rows: [
      line('read', corpus.read),
      ...dropped.map((fate) => line(fate, corpus.dropped[fate], -1)),
      ...SPLITS.map((name) =>
        line(
          name,
          corpus.splits[name].map((row) => row.label),
        ),
      ),
    ],
    notes: shown.length === 0 && corpus.labels.length > 0 ? [`${corpus.labels.length} labels`] : [],
  };
}

function format(count: number): string {
  return (count || 0).toLocaleString('en-US').replace('-', '−');
}
