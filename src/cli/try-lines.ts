import stringWidth from 'string-width';
import type { Answer, TriedWord } from '../trial/trial.js';
import { bar, clean, pad, truncate, wrap } from '../ui/format.js';

/** An answer, and how long it took. */
export interface Tried {
  readonly answer: Answer;
  /** Milliseconds. */
  readonly ms: number;
}

/** Labels that have a bar, at most; columns of a bar. */
const BARS = 10;
const BAR = 20;

/** An answer in one line: what a program reads. Fields are separated by tabs. */
export function lineOf(answer: Answer): string {
  switch (answer.kind) {
    case 'label':
      return `${clean(answer.label)}\t${(answer.probabilities[answer.label] ?? 0).toFixed(4)}`;
    case 'labels':
      return answer.labels.map(clean).join(', ');
    case 'score':
      return answer.score.toPrecision(6);
    case 'tags':
      return answer.words.map(wordOf).join(' ');
    case 'similarity':
      return answer.cosine.toFixed(4) + (answer.probability === null ? '' : `\t${answer.probability.toFixed(4)}`);
    case 'text':
      // As JSON writes it, but for quotes: nothing in it ends the line, or moves a cursor.
      return JSON.stringify(answer.text)
        .slice(1, -1)
        .replace(/\\"/g, '"')
        .replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
  }
}

/** The answers of a model and of its teacher as a person reads them. */
export function blockOf(student: Tried, teacher: Tried | undefined, width: number): string[] {
  const took = teacher
    ? `${milliseconds(student.ms)}; the teacher ${milliseconds(teacher.ms)}`
    : milliseconds(student.ms);
  return [...answerLines(student.answer, teacher?.answer, width), `  ${took}`, ''];
}

function answerLines(answer: Answer, teacher: Answer | undefined, width: number): string[] {
  if ('probabilities' in answer) {
    const beside = teacher && 'probabilities' in teacher ? teacher.probabilities : undefined;
    return bars(answer.probabilities, beside);
  }
  const named = (name: string, said: Answer): string[] =>
    wrap(textOf(said), width, pad(`  ${name}`, 11), ' '.repeat(11));
  return teacher ? [...named('student', answer), ...named('teacher', teacher)] : wrap(textOf(answer), width, '  ');
}

/** Likeliest labels first, the teacher's probabilities beside the model's. */
function bars(own: Readonly<Record<string, number>>, teacher: Readonly<Record<string, number>> | undefined): string[] {
  const labels = Object.keys(own)
    .sort((a, b) => (own[b] as number) - (own[a] as number) || (a < b ? -1 : 1))
    .slice(0, BARS);
  const names = labels.map((label) => truncate(clean(label), 30));
  const longest = Math.max(7, ...names.map((name) => stringWidth(name)));
  const cell = (p: number): string => `${bar(p, BAR)} ${p.toFixed(4)}`;
  const head = teacher ? [`  ${pad('', longest)}  ${pad('student', BAR + 7)}   teacher`] : [];
  return [
    ...head,
    ...labels.map((label, i) => {
      const beside = teacher?.[label];
      const more = teacher ? `   ${beside === undefined ? '–' : cell(beside)}` : '';
      return `  ${pad(names[i] as string, longest)}  ${cell(own[label] as number)}${more}`;
    }),
  ];
}

function textOf(answer: Answer): string {
  if (answer.kind === 'score') return `${clean(answer.name)} ${answer.score.toPrecision(4)}`;
  if (answer.kind === 'similarity') {
    const belong = answer.probability === null ? '' : `, belong together ${answer.probability.toFixed(4)}`;
    return `cosine ${answer.cosine.toFixed(4)}${belong}`;
  }
  return answer.kind === 'text' ? answer.text.split('\n').map(clean).join('\n') : lineOf(answer);
}

/** `Paris/B-LOC`; a word that is nothing stands alone. */
const wordOf = ({ word, tag }: TriedWord): string => (tag === 'O' ? clean(word) : `${clean(word)}/${tag ?? '–'}`);

const milliseconds = (ms: number): string => `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
