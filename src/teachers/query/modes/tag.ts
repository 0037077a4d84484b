import type { Span } from '../../../data/dataset.js';
import type { JsonObject } from '../../../util/json.js';
import { jsonIn, type Mode, noAnswer, type Reading } from './mode.js';

/** Spans of a text with a label each: the teacher quotes them, and each quotation is looked up in the text. */
export function tag(labels: readonly string[]): Mode<readonly Span[]> {
  const shape = '{"spans": [{"text": "…", "label": "…"}]}';
  return {
    system:
      `You mark spans in texts. The labels are: ${labels.join(', ')}.\n` +
      `Answer with a JSON object ${shape}: the spans in the order in which they stand in the text, each copied letter for ` +
      'letter, each as often as it stands there. If there are none: {"spans": []}.',
    user: '{{text}}',
    schema: {
      type: 'object',
      properties: {
        spans: {
          type: 'array',
          items: {
            type: 'object',
            properties: { text: { type: 'string' }, label: { type: 'string', enum: [...labels] } },
            required: ['text', 'label'],
            additionalProperties: false,
          },
        },
      },
      required: ['spans'],
      additionalProperties: false,
    },
    mostTokens: 1024,
    samples: 1,
    temperature: 0,
    read(choice, { text }): Reading<readonly Span[]> {
      const bad = (invalid: string, correction: string): Reading<readonly Span[]> => ({ invalid, correction });
      const none = noAnswer(choice);
      const list = none === undefined ? jsonIn(choice.text)?.spans : undefined;
      if (!Array.isArray(list))
        return bad(none ?? 'no JSON object with "spans"', `Answer with a JSON object ${shape}.`);
      const spans: Span[] = [];
      let from = 0;
      for (const item of list) {
        const { text: quoted, label } = (item ?? {}) as JsonObject;
        if (typeof quoted !== 'string' || quoted === '')
          return bad('a span without a text', `Answer with a JSON object ${shape}.`);
        if (typeof label !== 'string' || !labels.includes(label)) {
          return bad(`not a label: ${JSON.stringify(label)}`, `The labels are: ${labels.join(', ')}. Answer again.`);
        }
        const start = text.indexOf(quoted, from);
        if (start < 0) {
          const where = text.includes(quoted) ? 'not in the order of the text' : 'not in the text';
          return bad(
            `a span that is ${where}: ${JSON.stringify(quoted.slice(0, 60))}`,
            `${JSON.stringify(quoted)} is ${where}. Copy each span letter for letter, in the order of the text. Answer again.`,
          );
        }
        from = start + quoted.length;
        spans.push({ start, end: from, label });
      }
      return { value: spans };
    },
    write: (row, values) => ({ ...row, spans: values[0] as readonly Span[] }),
  };
}
