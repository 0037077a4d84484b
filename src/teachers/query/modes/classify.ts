import type { Row } from '../../../data/dataset.js';
import { LabelReader } from '../labels.js';
import { type Mode, noAnswer, type Reading } from './mode.js';

export interface ClassifyOptions {
  readonly labels: readonly string[];
  /** What each label means; may be left out. */
  readonly descriptions: Readonly<Record<string, string>>;
  /** What the labels are of, in the default prompt. */
  readonly user: string;
  readonly samples: number;
}

/** One of a set of labels. Values are indices into `labels`. */
export function classify({ labels, descriptions, user, samples }: ClassifyOptions): Mode<number> {
  const reader = new LabelReader(labels);
  const list = labels.map((label) =>
    descriptions[label] === undefined ? `- ${label}` : `- ${label}: ${descriptions[label]}`,
  );
  const correction = `Answer with exactly one of these labels and nothing else: ${labels.join(', ')}`;
  return {
    system: `You label texts. The labels are:\n${list.join('\n')}\nAnswer with the label alone, exactly as it is written here.`,
    user,
    schema: {
      type: 'object',
      properties: { label: { type: 'string', enum: [...labels] } },
      required: ['label'],
      additionalProperties: false,
    },
    mostTokens: 16 + Math.max(...labels.map((label) => Buffer.byteLength(label))),
    samples,
    temperature: samples > 1 ? 1 : 0,
    read(choice): Reading<number> {
      const none = noAnswer(choice);
      const found = none === undefined ? reader.find(choice.text) : undefined;
      if (found !== undefined) return { value: found.label };
      return { invalid: none ?? `not a label: ${JSON.stringify(choice.text.slice(0, 100))}`, correction };
    },
    write: (row: Row, values) => ({ ...row, label: labels[majority(values, labels.length)] as string }),
  };
}

/** The label with most votes; of several the first. */
function majority(votes: readonly number[], labels: number): number {
  const counts = new Array<number>(labels).fill(0);
  for (const vote of votes) counts[vote] = (counts[vote] as number) + 1;
  return counts.indexOf(Math.max(...counts));
}
