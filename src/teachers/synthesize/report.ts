import type { Table } from '../../engine/step.js';
import type { Cell } from './cells.js';
import { FATES, type Fate, type Made } from './making.js';
import { distinct2 } from './pool.js';

/** `report.json`. */
export interface SynthesisReport {
  /** Who wrote, and where; who judged, null if nobody did. */
  readonly writer: string;
  readonly judge: string | null;
  readonly wanted: number;
  readonly rounds: number;
  /** For texts; questions to the judge are not among them. */
  readonly requests: number;
  /** What became of all texts that were written. */
  readonly texts: Readonly<Record<Fate, number>>;
  /** Share of the kept texts' pairs of neighbouring words that differ. */
  readonly distinct_2: number;
  readonly cells: readonly {
    readonly label: string;
    readonly topic: string | null;
    readonly wanted: number;
    readonly kept: number;
  }[];
}

export function reportOf(
  cells: readonly Cell[],
  made: Made,
  who: Pick<SynthesisReport, 'writer' | 'judge'>,
): SynthesisReport {
  const { counts, kept, rounds, requests } = made;
  return {
    ...who,
    wanted: cells.reduce((sum, { wanted }) => sum + wanted, 0),
    rounds,
    requests,
    texts: counts,
    distinct_2: Number(distinct2(kept.flat().map(({ text }) => text)).toPrecision(6)),
    cells: cells.map(({ label, topic, wanted }, i) => ({
      label,
      topic: topic ?? null,
      wanted,
      kept: kept[i]?.length ?? 0,
    })),
  };
}

/** Cells that lack most, named in the table. */
const NAMED = 5;

export function tableOf(report: SynthesisReport): Table {
  const { texts, cells, wanted, distinct_2: distinct } = report;
  const written = FATES.reduce((sum, fate) => sum + texts[fate], 0);
  const lacking = cells
    .filter((cell) => cell.kept < cell.wanted)
    .sort((a, b) => b.wanted - b.kept - (a.wanted - a.kept));
  const names = lacking
    .slice(0, NAMED)
    .map(({ label, topic, ...of }) => `${topic === null ? label : `${label}, ${topic}`} ${of.kept} of ${of.wanted}`);
  return {
    title: `What ${report.writer.split(' at ')[0]} wrote`,
    columns: [
      { label: '', align: 'left' },
      { label: 'texts', align: 'right' },
      { label: '', align: 'right' },
    ],
    rows: FATES.map((fate) => [
      fate,
      String(texts[fate]),
      `${((100 * texts[fate]) / Math.max(1, written)).toFixed(1)} %`,
    ]),
    notes: [
      `${texts.kept} of ${wanted} that are wanted, after ${report.rounds} ${report.rounds === 1 ? 'round' : 'rounds'}. ${(100 * distinct).toFixed(0)} % of their pairs of neighbouring words differ.`,
      ...(lacking.length > 0
        ? [`Missing: ${names.join('; ')}${lacking.length > NAMED ? `, and of ${lacking.length - NAMED} more` : ''}.`]
        : []),
    ],
  };
}
