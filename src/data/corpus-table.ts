import type { Corpus } from './corpus.js';
import { SPLITS } from './split.js';
import type { Tally } from './tally.js';

/** With more labels than this a column for each would not fit. */
const MOST_COLUMNS = 6;

/** What became of the rows, for people: a line a stage, a column a label. */
export function corpusTable({ labels, funnel, tallies }: Corpus) {
  const { read, stages } = funnel;
  // Labels of which a text may have several are no columns: a row would stand in more than one.
  const single = labels.filter((label) => read.count(label) > 0);
  const shown: (string | null)[] = single.length > MOST_COLUMNS ? [] : [...single];
  const someUnlabelled = read.count(null) > 0 || tallies.train.count(null) > 0;
  if (shown.length > 0 && someUnlabelled) shown.push(null);
  const line = (name: string, tally: Tally, sign = 1): string[] => [
    name,
    ...shown.map((label) => format(sign * tally.count(label))),
    format(sign * tally.total),
  ];
  return {
    title: 'corpus',
    columns: [
      { label: '', align: 'left' as const },
      ...shown.map((label) => ({ label: label ?? 'unlabelled', align: 'right' as const })),
      { label: 'rows', align: 'right' as const },
    ],
    rows: [
      line('read', read),
      ...stages.map(({ name, dropped }) => line(name, dropped, -1)),
      ...SPLITS.map((name) => line(name, tallies[name])),
    ],
    notes: shown.length === 0 && labels.length > 0 ? [`${labels.length} labels`] : [],
  };
}

function format(count: number): string {
  return (count || 0).toLocaleString('en-US').replace('-', '−');
}
