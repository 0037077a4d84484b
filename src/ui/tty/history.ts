import { describeEnd } from '../describe.js';
import { clean, wrap } from '../format.js';
import type { LogLine, StepView } from '../view.js';
import type { Line, Segment, Tone } from './layout.js';

/** Something that is printed once, above the part that is redrawn. */
export type Entry = { readonly key: number } & (
  | { readonly type: 'ended'; readonly step: StepView }
  | { readonly type: 'retry'; readonly step: StepView }
  | { readonly type: 'log'; readonly line: LogLine }
  | { readonly type: 'heading'; readonly text: string }
);

const MARKS: Readonly<Partial<Record<StepView['state'], Segment>>> = {
  done: { text: '✓', tone: 'good' },
  cached: { text: '=', tone: 'good' },
  failed: { text: '✗', tone: 'bad' },
  skipped: { text: '-', tone: 'dim' },
  interrupted: { text: '!', tone: 'warn' },
};

/** An entry as lines of at most `width` columns. */
export function historyLines(entry: Entry, width: number): Line[] {
  switch (entry.type) {
    case 'heading':
      return wrap(clean(entry.text), width).map((text) => [{ text, tone: 'dim' }]);
    case 'log': {
      const { step, level, message } = entry.line;
      const tone = level === 'warning' ? 'warn' : 'dim';
      const word = level === 'warning' ? 'warning: ' : '';
      return wrap(`${clean(step)}: ${word}${clean(message)}`, width, '  ').map((text) => [{ text, tone }]);
    }
    case 'retry':
      return ended({ text: '↻', tone: 'warn' }, entry.step, 'trying again after: ', width);
    case 'ended':
      return ended(MARKS[entry.step.state] ?? { text: ' ', tone: 'plain' }, entry.step, '', width);
  }
}

function ended(mark: Segment, step: StepView, prefix: string, width: number): Line[] {
  const failed = step.failure && (step.state === 'failed' || prefix !== '');
  const what = prefix ? `${prefix}${step.failure?.message ?? ''}` : describeEnd(step);
  const tone: Tone = failed ? mark.tone : 'dim';
  const id = clean(step.id);
  const [first = '', ...rest] = wrap(`${id} ${clean(what)}`, width - 2);
  const head = first.startsWith(id)
    ? [
        { text: ` ${id}`, tone: 'plain' as const },
        { text: first.slice(id.length), tone },
      ]
    : [{ text: ` ${first}`, tone: 'plain' as const }];
  const hint = failed && step.failure?.hint ? wrap(clean(step.failure.hint), width, '  ') : [];
  return [
    [mark, ...head],
    ...rest.map((text): Line => [{ text: `  ${text}`, tone }]),
    ...hint.map((text): Line => [{ text, tone: 'plain' }]),
  ];
}
