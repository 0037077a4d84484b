import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Row } from '../../src/data/dataset.js';
import { folder, recipe } from '../cli/recipe.js';
import { serve } from '../teachers/query/rig.js';
import { asked, type ChatBody, type ChoiceAnswer, oneToken } from '../teachers/query/server.js';

const text = readFileSync(new URL('../../docs/teachers.md', import.meta.url), 'utf8');
const section = text.slice(text.indexOf('### Each task as a step'), text.indexOf('## Several teachers'));
const blocks = (language: string): string[] =>
  [...section.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block as string);

/** What somebody who understands would answer. */
function answer(body: ChatBody): ChoiceAnswer {
  const [system = '', user] = [body.messages.find(({ role }) => role === 'system')?.content, asked(body)];
  if (system.includes('they want money')) return oneToken('refund', { refund: 0.7, delivery: 0.3 });
  if (system.includes('summary')) return oneToken('yes', { yes: 0.9, no: 0.1 });
  if (system.includes('dollars does')) {
    const amount = /want my (\d+)/.exec(user)?.[1];
    return { text: `They want it back. total: ${amount === '30' ? 31 : amount}` };
  }
  if (system.includes('how soon')) return { text: '{"score": 8}' };
  if (system.includes('polite')) return { text: user.includes('Sorry') ? '{"score": 5}' : '{"score": 1}' };
  if (system.includes('two sentences')) return { text: replies++ % 2 === 0 ? 'Sorry. It is on its way.' : 'No.' };
  return { text: '{"spans": [{"label": "money", "text": "dollars"}]}' };
}
let replies = 0;

test('the recipe of docs/teachers.md runs, every task of it', async () => {
  const asking = await serve({ answer });
  const line = `${JSON.stringify(JSON.parse(blocks('json')[0] as string))}\n`;
  const text = 'These shoes are too small for anybody. Send somebody to fetch them, I want my 30 dollars back.';
  const other = JSON.stringify({ text, pair: 'Fetch the shoes.', amount: '30' });
  const [head, ...steps] = blocks('yaml');
  const outputs = steps.pop();
  const indented = steps.join('').replace(/^(?=.)/gm, '  ');
  const here = folder({ 'tickets.yaml': `${head}${indented}${outputs}`, 'tickets.jsonl': line + other });
  const ran = await recipe(here, ['run', 'tickets.yaml', '--set', `params.server=${asking.url}`]);
  expect(ran.code, ran.err).toBe(0);
  const rows = (output: string): Row[] =>
    readFileSync(join(here, 'out/tickets', output, 'rows.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((row) => JSON.parse(row) as Row);
  expect(rows('topic').map(({ label }) => label)).toEqual(['refund', 'refund']);
  expect(rows('matches').map(({ label }) => label)).toEqual(['yes', 'yes']);
  expect(rows('names').map(({ spans }) => spans?.map((span) => span.label))).toEqual([['money'], ['money']]);
  expect(rows('urgency').map(({ score }) => score)).toEqual([8, 8]);
  expect(new Set(rows('replies').flatMap(({ responses = [] }) => responses))).toEqual(
    new Set(['Sorry. It is on its way.']),
  );
  expect(rows('amounts').map(({ fields }) => fields?.amount)).toEqual(['40']);
});
