import { expect, test } from 'vitest';
import { comparisonPage } from '../../src/page/comparison.js';
import { type ComparedModel, compareModels } from '../../src/report/across.js';

const model = (name: string, right: number, bytes: number | null, ms: number | null) => ({
  name,
  role: 'student' as const,
  type: 'bert',
  runs: [1],
  parameters: 10,
  bytes,
  ms,
  p95_ms: ms,
  statistic: (sample: Int32Array) => sample.filter((row) => row < right).length / sample.length,
  right: Array.from({ length: 20 }, (_, row) => row < right),
});
const models = [model('large', 18, 4e6, 20), model('<small>', 12, 1e5, 2), model('beaten', 10, 2e5, null)];
const found = compareModels('macro_f1', 20, models, 1);

test('two charts with the fronts said in words, a table behind each, and nothing that is loaded or run', () => {
  const text = comparisonPage(found, ['one']);
  const charts = [...text.matchAll(/<svg role="img" aria-label="([^"]+)"/g)].map(([, words]) => words as string);
  expect(charts).toHaveLength(2);
  expect(charts[0]).toContain('large macro F1 0.9000, bytes 4,000,000, on the front; &lt;small&gt; macro F1 0.6000');
  expect(charts[0]).toMatch(/beaten macro F1 0\.5000, bytes 200,000$/);
  // Of one that was not timed nothing is known.
  expect(charts[1]).not.toContain('beaten');
  expect([...text.matchAll(/<summary>Figures<\/summary>/g)]).toHaveLength(2);
  expect(text).toContain('&lt;small&gt;');
  expect(text).not.toMatch(/<small>|<script|<img|<link|(?:href|src)="(?!#)/);
  expect(text).toContain('default-src &#39;none&#39;');
});

test('one model has no front', () => {
  const alone = { ...found, models: found.models.slice(0, 1) as ComparedModel[] };
  expect(comparisonPage(alone, ['one'])).not.toContain('<svg');
});
