import { describe, expect, it } from 'vitest';
import type { Claim, StepDefinition } from '../../../src/engine/step.js';
import type { Topics } from '../../../src/options/synthesize-data.js';
import { synthesizeData } from '../../../src/steps/synthesize-data.js';
import { PERMISSION, TERMS } from '../../../src/teachers/claims.js';
import { cellsOf, leavesOf } from '../../../src/teachers/synthesize/cells.js';
import type { JsonObject } from '../../../src/util/json.js';
import { withDefaults } from '../../steps/context.js';

const step = synthesizeData as StepDefinition<JsonObject>;
const LABELS = ['ham', 'spam'];
const here = { base_url: 'http://127.0.0.1:1/v1', model: 'm' };
const away = { base_url: 'https://api.example.com/v1', model: 'm' };
const options = (more: JsonObject): JsonObject =>
  withDefaults('synthesize-data', { teacher: here, labels: LABELS, rows: 10, ...more });

describe('synthesize-data: what is known before it runs', () => {
  const permission = (of: string): Claim => ({ topic: PERMISSION, value: { permission: of }, pointer: '/source/data' });
  const refusals = (more: JsonObject, of: string) =>
    step.refuses?.(options(more), [permission(of)]).map(({ pointer, hint }) => `${pointer}: ${hint}`);

  it('shows no seeds to another machine that may not leave this one, neither to who writes nor to who judges', () => {
    expect(refusals({}, 'internal')).toEqual([]);
    expect(refusals({ teacher: away }, 'any')).toEqual([]);
    expect(refusals({ teacher: away }, 'internal')).toEqual(['/teacher/base_url: Use a teacher on this machine']);
    expect(refusals({ teacher: away }, 'redacted')).toEqual(['/teacher/base_url: Add redact: [email, phone, card]']);
    expect(refusals({ teacher: away, redact: ['email'] }, 'redacted')).toEqual([]);
    expect(refusals({ judge: { teacher: away } }, 'internal')).toEqual([
      '/judge/teacher/base_url: Use a teacher on this machine',
    ]);
  });

  it('carries the terms of both on', () => {
    const terms = { allows: 'none' };
    const both = options({ teacher: { ...here, terms }, judge: { teacher: { ...here, terms } } });
    expect(step.claims?.(both).map(({ topic, pointer }) => [topic, pointer])).toEqual([
      [TERMS, '/teacher/terms/allows'],
      [TERMS, '/judge/teacher/terms/allows'],
    ]);
    expect(step.requires?.(options({ teacher: { provider: 'openai', model: 'a' }, judge: {} }))).toEqual([
      'OPENAI_API_KEY',
    ]);
    const others = {
      teacher: { provider: 'openai', model: 'a' },
      judge: { teacher: { provider: 'deepseek', model: 'b' } },
    };
    expect(step.requires?.(options(others))).toEqual(['OPENAI_API_KEY', 'DEEPSEEK_API_KEY']);
  });

  it.each<[string, JsonObject, string]>([
    ['no labels', { labels: undefined as never }, ''],
    ['a description of no label', { descriptions: { eggs: 'x' } }, '/descriptions/eggs'],
    ['originals without seeds', { originals: true }, '/originals'],
    ['a field that no request has', { prompt: 'Write {{text}}' }, '/prompt'],
    ['a budget without a price', { budget: { usd: 1 } }, '/budget/usd'],
    [
      'a judge without a price',
      { budget: { usd: 1 }, teacher: { ...here, price: { input: 1, output: 1 } }, judge: { teacher: here } },
      '/budget/usd',
    ],
    ['a judge without an address', { judge: { teacher: { model: 'x' } } }, '/judge/teacher'],
    [
      'a judge that would have to be served',
      { judge: { teacher: { provider: 'recipe', model: 'x' } } },
      '/judge/teacher',
    ],
    [
      'log-probabilities that the judge does not tell',
      { judge: { teacher: { provider: 'gemini', model: 'x' }, soft_labels: 'logprobs' } },
      '/judge/soft_labels',
    ],
  ])('has a place for %s', (_, more, pointer) => {
    const { labels, ...rest } = options({ ...more, labels: LABELS });
    const given = 'labels' in more ? rest : { ...rest, labels };
    expect(step.problems?.(given as JsonObject, [])?.map((problem) => problem.pointer)).toEqual([pointer]);
  });

  it('lets keys come from the environment, and nothing else', () => {
    const own = ['/teacher/api_key', '/judge/teacher/api_key/0'];
    const others = ['/prompt', '/judge/question', '/judge/teacher/model'];
    for (const judge of [{ teacher: here }, {}]) {
      const problems = step.problems?.(options({ judge }), [...own, ...others]);
      expect(problems?.map(({ pointer }) => pointer)).toEqual(others);
    }
  });

  it('knows a server that tells no log-probabilities, whoever judges', () => {
    const gemini = { provider: 'gemini', model: 'x' };
    for (const more of [{ teacher: gemini, judge: {} }, { judge: { teacher: gemini } }]) {
      const given = options({ ...more, judge: { ...more.judge, soft_labels: 'logprobs' } });
      expect(step.problems?.(given, [])).toMatchObject([{ pointer: '/judge/soft_labels' }]);
    }
  });
});

describe('topics', () => {
  it('are the leaves of a tree, each with every label', () => {
    const tree: Topics = { billing: { refunds: ['double charge', 'cancelled'], invoices: null }, other: null };
    expect(leavesOf(tree)).toEqual([
      'billing > refunds > double charge',
      'billing > refunds > cancelled',
      'billing > invoices',
      'other',
    ]);
    expect(cellsOf(LABELS, ['a', 'b', 'c'], 7).map(({ wanted }) => wanted)).toEqual([2, 1, 1, 1, 1, 1]);
    expect(cellsOf(LABELS, undefined, 1)).toEqual([{ label: 'ham', topic: undefined, wanted: 1 }]);
  });

  it('are checked by the schema', () => {
    expect(() => options({ topics: { billing: 'refunds' } })).toThrow(/topics/);
    expect(() => options({ topics: { billing: [] } })).toThrow(/topics/);
    expect(options({ topics: { billing: { refunds: ['a'] }, other: null } }).topics).toEqual({
      billing: { refunds: ['a'] },
      other: null,
    });
  });
});
