import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Ancestor, PlacedClaim } from '../../src/engine/step.js';
import { Ancestry } from '../../src/export/card/ancestry.js';
import { type CardParts, cardOf } from '../../src/export/card/card.js';
import type { Facts } from '../../src/export/card/facts.js';
import { methodSection } from '../../src/export/card/method.js';
import { usageSection } from '../../src/export/card/usage.js';
import type { Report } from '../../src/report/evaluate.js';
import { PERMISSION, TERMS } from '../../src/teachers/claims.js';
import type { JsonObject } from '../../src/util/json.js';

const ancestor = (step: string, uses: string, options: JsonObject, inputs: Ancestor['inputs'] = {}): Ancestor => ({
  step,
  uses,
  version: 2,
  fingerprint: step.repeat(20),
  options,
  inputs,
  seed: 7,
  packages: { tokenizers: '0.23.2' },
});

const lineage: readonly Ancestor[] = [
  ancestor('rows', 'sample-data', {
    source: { type: 'jsonl', path: 'sha256:abc', password: 'hunter2', data: {} },
    split: { train: 0.8 },
  }),
  ancestor(
    'labels',
    'query-teacher',
    {
      teacher: {
        provider: 'openai',
        model: 'gpt-x|mini',
        base_url: 'https://u:secret@host',
        api_key: '${{ env.KEY }}',
      },
      task: { mode: 'classify' },
      redact: ['email'],
    },
    { data: ['rows'] },
  ),
  ancestor('big', 'train', { model: { type: 'bert', layers: 4, hidden: 128 }, stages: [] }, { data: ['rows'] }),
  ancestor('logits', 'cache-logits', {}, { teacher: ['big'], data: ['rows'] }),
  ancestor(
    'student[seed=1]',
    'train',
    {
      model: { type: 'bert', layers: 2, hidden: 40 },
      batch_size: 32,
      optimizer: { type: 'adamw' },
      stages: [
        {
          objectives: [
            { type: 'soft-label', weight: 0.7, temperature: 2 },
            { type: 'hard-label', weight: 0.3 },
          ],
          updates: 1200,
          learning_rate: 0.001,
        },
      ],
    },
    { data: ['labels'], teacher: ['logits'] },
  ),
  ancestor('yardstick', 'train', { model: { type: 'logistic' } }, { data: ['rows'] }),
  ancestor('report', 'evaluate', {}, { students: ['student[seed=1]', 'yardstick'], data: ['rows'] }),
];

const claims: readonly PlacedClaim[] = [
  {
    topic: PERMISSION,
    value: { permission: 'redacted', licence: 'CC-BY-4.0', personal_data: true },
    pointer: '/source/data/permission',
    step: 'rows',
  },
  {
    topic: TERMS,
    value: { allows: 'non-generative', link: 'https://example.com/terms', checked: '2026-11-24' },
    pointer: '/teacher/terms/allows',
    step: 'labels',
    acknowledged: 'Written permission of 3 March | kept with contract 17.',
  },
];

const facts: Facts = {
  type: 'bert',
  pipeline: 'text-classification',
  labels: ['ham', 'spam|eggs'],
  parameters: 366442,
  trainedOn: { rows: 420, labelled: 200 },
  pairs: false,
  maxLength: 128,
  files: { 'model.safetensors': 1470240 },
  exactness: {
    rows: 64,
    difference: 1.8e-7,
    transformers: {
      state: 'found',
      version: '4.3.2',
      difference: 2e-7,
      otherTokens: 1,
      alike: { rows: 10, asked: 10, same: 10 },
      cut: { rows: 53, asked: 53, same: 52 },
    },
  },
  short: { found: { metric: 'accuracy', exact: 0.975, short: 0.97, rows: 1000, good: true }, kept: true },
};

const metrics = {
  title: 'Test mails',
  labels: ['ham', 'spam|eggs'],
  test: { rows: 120, unlabelled: 0 },
  models: [
    {
      name: 'student[seed=1]',
      role: 'student',
      parameters: 366442,
      accuracy: 0.97,
      accuracy_interval: { low: 0.95, high: 0.98 },
      macro_f1: 0.96,
      errors: 3,
      per_label: [{ label: 'ham', precision: 1, recall: 0.9, f1: 0.95, support: 90 }],
      mcc: 0.91,
      roc_auc: 0.99,
      log_loss: 0.12,
      brier: 0.05,
      calibration: { ece: 0.021, bins: Array(15).fill({}) },
      retention: {
        macro_f1: { value: 0.985, interval: { low: 0.97, high: 1.01 } },
        accuracy: { value: 1, interval: null },
      },
      agreement: { value: 0.98, interval: { low: 0.96, high: 0.99 } },
      size_ratio: 0.19,
      baseline: { only_this_wrong: 2, only_baseline_wrong: 7, mcnemar_p: 0.18 },
    },
  ],
  slices: [
    {
      field: 'source',
      slices: [
        { of: 'value', value: 'list|a', rows: 80, small: false, models: [{ accuracy: 0.99 }] },
        { of: 'value', value: 'list b', rows: 36, small: false, models: [{ accuracy: 0.9 }] },
        { of: 'without', value: null, rows: 4, small: true, models: [{ accuracy: 0.5 }] },
      ],
    },
  ],
  expectations: [{ figure: 'accuracy', expected: '>= 0.9', value: 0.97, met: true }],
} as unknown as Report;

const parts: CardParts = {
  facts,
  options: {
    title: 'Spam: or ham',
    licence: 'mit',
    languages: ['en'],
    limits: ['Mails of 2003 only.'],
    description: 'For *mail*.',
  },
  origin: { model: 'student[seed=1]', claims, lineage },
  metrics,
  usage: usageSection(facts),
  versions: { 'onnxruntime-node': '1.30.0' },
};
const card = cardOf(parts);
const sectionOf = (title: string, text = card): string => text.split(`## ${title}\n\n`)[1]?.split('\n\n## ')[0] ?? '';

describe('the model card', () => {
  it('says what is synthetic: the data, who wrote it, and how much of it was learnt', () => {
    const made = ancestor(
      'made',
      'synthesize-data',
      { teacher: { model: 'writer', base_url: 'https://u:secret@host' }, judge: { teacher: { model: 'judge' } } },
      { seeds: ['rows'] },
    );
    const [student, ...rest] = [...lineage]
      .reverse()
      .filter(({ step }) => step === 'student[seed=1]' || step === 'rows');
    const text = cardOf({
      ...parts,
      facts: { ...facts, trainedOn: { rows: 420, labelled: 200, synthetic: 220 } },
      origin: { ...parts.origin, lineage: [...rest, made, { ...(student as Ancestor), inputs: { data: ['made'] } }] },
    });
    expect(sectionOf('Data', text)).toContain('- `made`: synthetic texts, which a model wrote');
    expect(sectionOf('Teacher', text)).toBe(
      '- `made`: `writer` behind an API, which wrote synthetic texts, of which `judge` said that they fit their labels',
    );
    expect(sectionOf('Terms', text)).toContain('Of `made` the recipe says no terms.');
    expect(sectionOf('Method', text)).toContain(
      '200 of them with a real label; 220 are synthetic: a model wrote them.',
    );
    expect(sectionOf('Limits', text)).toContain('It was trained on synthetic texts');
    expect(text).not.toContain('secret');
  });

  it('has at its head what the Hub reads', () => {
    expect(parse(card.split('---')[1] as string)).toEqual({
      language: ['en'],
      license: 'mit',
      library_name: 'transformers',
      pipeline_tag: 'text-classification',
      tags: ['transformers.js', 'onnx', 'knowledge-distillation', 'bert'],
      'model-index': [
        {
          name: 'Spam: or ham',
          results: [
            {
              task: { type: 'text-classification' },
              dataset: { name: 'Test mails, 120 rows', type: 'private' },
              metrics: [
                { type: 'accuracy', value: 0.97 },
                { type: 'f1', value: 0.96 },
              ],
            },
          ],
        },
      ],
    });
  });

  it('tells data, teachers and terms, and why the recipe goes against them', () => {
    expect(sectionOf('Data')).toBe(
      '- `rows`: type `jsonl`, path `sha256:abc`; licence: CC-BY-4.0; permission: rows may be sent to another machine only masked; personal data: yes',
    );
    expect(sectionOf('Teacher')).toMatchInlineSnapshot(`
      "- \`labels\`: \`gpt-x\\|mini\` behind an API (openai), asked to classify; personal data was masked before it was asked
      - \`big\`: a bert model of 4 layers of 128, trained in this recipe: the labels, to the optimum"
    `);
    expect(sectionOf('Terms')).toMatchInlineSnapshot(`
      "| teacher | allows | terms | read on |
      | --- | --- | --- | --- |
      | \`labels\` | training of models that make no texts | https://example.com/terms | 2026-11-24 |

      The recipe goes against what is said of these steps, and says why:

      - \`labels\`: Written permission of 3 March \\| kept with contract 17."
    `);
  });

  it('tells of a model whose encoder others share', () => {
    const tasks = [
      { name: 'spam', objectives: [{ type: 'soft-label', weight: 0.7 }] },
      { name: 'pos', task: 'tagging', objectives: [{ type: 'hard-label' }], weight: 2 },
    ];
    const made = ancestor('student', 'train-multitask', { tasks, updates: 1200, learning_rate: 0.002 });
    const ancestry = new Ancestry({ model: 'student', claims: [], lineage: [made] });
    const told = methodSection(ancestry, facts) as string;
    expect(told).toContain('`student` trained together, from seed 7 in 1,200 updates, learning rate 0.002.');
    expect(told).toContain('| `spam` | classification | `soft-label`, weight 0.7 | 1 |');
    expect(told).toContain('| `pos` | tagging | `hard-label` | 2 |');
  });

  it('tells method, limits, lineage and figures', () => {
    expect(sectionOf('Method')).toContain('`student[seed=1]` is a bert model of 2 layers of 40, trained from seed 7');
    expect(sectionOf('Method')).toContain(
      '| 1 | `soft-label`, weight 0.7, temperature 2<br>`hard-label`, weight 0.3 | 1,200 updates | 0.001 |',
    );
    expect(sectionOf('Method')).toContain('It learnt from 420 rows, 200 of them with a real label.');
    expect(sectionOf('Limits').split('\n')).toEqual([
      '- Mails of 2003 only.',
      '- It gives every text one of 2 labels (`ham`, `spam\\|eggs`), also one that none of them fits.',
      '- It reads the first 128 tokens of a text and nothing after them.',
      '- It was trained and judged on texts of the sources above: of others nothing is known.',
      '- It has learnt its teacher’s mistakes with its knowledge.',
      '- Its figures are of 120 rows only.',
      '- Where `source` is `list b` it is worse: accuracy 0.9000, of all rows 0.9700.',
      '- It was trained on personal data, parts of which it may give away.',
    ]);
    const rows = sectionOf('Lineage')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows).toHaveLength(lineage.length);
    expect(rows.map((row) => row.split(' | ')[2])).toEqual([...Array(5).fill('model'), 'evaluation', 'evaluation']);
    expect(sectionOf('Metrics')).toContain('| **`student[seed=1]`** | 0.9700 [0.9500, 0.9800] | 0.9600 |');
    expect(sectionOf('Metrics')).toMatchInlineSnapshot(`
      "Test mails, on 120 rows that were not trained on.

      | model | accuracy [95 %] | macro-F1 | retention | errors | parameters |
      | --- | ---: | ---: | ---: | ---: | ---: |
      | **\`student[seed=1]\`** | 0.9700 [0.9500, 0.9800] | 0.9600 | 98.5 % | 3 | 366,442 |

      Retention is macro-F1 as a share of the teacher’s, on the same rows.

      - Of its probabilities: area under the ROC curve 0.9900, log loss 0.1200, Brier score 0.0500, expected calibration error 0.0210 (15 bins): how far a probability is, in the mean, from the share that it gets right.
      - Matthews’ correlation coefficient: 0.9100.
      - Retention: 98.5 % [97.0, 101.0].
      - Against the baseline: 2 rows that it alone has wrong, 7 that the other alone has wrong (McNemar’s exact test: p = 0.180).
      - Agreement with its teacher, right or wrong: 98.0 % [96.0, 99.0].
      - Size: 19.0 % of its teacher’s parameters.

      | label | precision | recall | F1 | rows |
      | --- | ---: | ---: | ---: | ---: |
      | \`ham\` | 1.0000 | 0.9000 | 0.9500 | 90 |

      By the values of fields of the rows:

      | field | value | rows | accuracy |
      | --- | --- | ---: | ---: |
      | \`source\` | \`list\\|a\` | 80 | 0.9900 |
      | \`source\` | \`list b\` | 36 | 0.9000 |
      | \`source\` | none | 4 (few) | 0.5000 |

      The recipe expected: accuracy \\>= 0.9: 0.9700, met."
    `);
    expect(sectionOf('Metrics')).toContain('The recipe expected: accuracy \\>= 0.9: 0.9700, met.');
    expect(sectionOf('Checks')).toContain('accuracy 0.9700, in float32 0.9750, on 1,000 rows with labels');
    expect(sectionOf('Checks')).toContain(
      'drops the last special token with their end (the same answer to 52 of them)',
    );
  });

  it('holds no secret, no address and no reference to the environment', () => {
    for (const word of ['hunter2', 'secret@', 'u:secret', 'env.KEY', 'base_url', 'api_key'])
      expect(card).not.toContain(word);
  });

  it('has the figures of models that rank, write or tell texts', () => {
    const value = { value: 0.4567, interval: { low: 0.4, high: 0.5 } };
    const judged = (title: string, own: object, more: object = {}) =>
      cardOf({
        ...parts,
        metrics: {
          title,
          test: { rows: 900 },
          models: [{ name: 'student[seed=1]', role: 'student', parameters: 1200, ...own }],
          ...more,
        } as unknown as NonNullable<CardParts['metrics']>,
      });
    const matched = judged('Mails', { recall_at_1: 0.31, mrr: 0.4567, roc_auc: 0.9, accuracy: 0.8, retention: null });
    expect(sectionOf('Metrics', matched)).toContain('| model | MRR | recall at 1 | AUC | parameters |');
    expect(sectionOf('Metrics', matched)).toContain('| **`student[seed=1]`** | 0.4567 | 0.3100 | 0.9000 | 1,200 |');
    expect(matched).toContain('type: mean_reciprocal_rank\n            value: 0.4567');
    const masked = judged('Mails', { loss: value, perplexity: 12.5, tokens: 100 });
    expect(sectionOf('Metrics', masked)).toContain('| model | loss [95 %] | perplexity | parameters |');
    expect(sectionOf('Metrics', masked)).toContain('| 0.4567 [0.4000, 0.5000] | 12.5000 | 1,200 |');
    const written = judged('Mails', { rouge_l: value, exact_match: 0.1, perplexity: null });
    expect(sectionOf('Metrics', written)).toContain('| 0.4567 [0.4000, 0.5000] | 0.1000 | 1,200 |');
    const slices = [
      { value: 'a', of: 'value', rows: 60, small: false, models: [{ value: 0.3 }] },
      { value: null, of: 'without', rows: 9, small: true, models: [{ value: 0.1 }] },
    ];
    for (const [compared_by, own] of [
      ['mrr', { mrr: 0.4567, accuracy: 0.2 }],
      ['rouge_l', { rouge_l: value }],
    ] as const) {
      const sliced = judged('Mails', own, { compared_by, slices: [{ field: 'from', values: 1, slices }] });
      expect(sectionOf('Metrics', sliced)).toMatch(
        /\| `from` \| `a` \| 60 \| 0\.3000 \|\n\| `from` \| none \| 9 \(few\) \|/,
      );
      expect(sectionOf('Limits', sliced)).toMatch(/Where `from` is `a` it is worse: .* 0\.3000, of all rows 0\.4567\./);
      expect(sectionOf('Limits', sliced)).not.toContain('is none it is worse');
    }
    expect(written).toContain('type: rouge\n            value: 0.4567');
  });

  it('tells what answering costs, where it was measured', () => {
    const timing = {
      threads: 2,
      models: [
        { name: 'teacher', role: 'teacher', usd_per_million: 1250 },
        {
          name: 'student[seed=1]',
          role: 'student',
          median_ms: 0.412,
          p95_ms: 0.9,
          rows: 200,
          usd_per_million: 0.0114,
          batch: { size: 32, batches: 4, median_ms: 0.1, p95_ms: 0.2, texts_per_second: 9876.5 },
        },
      ],
    };
    expect(sectionOf('Cost', cardOf({ ...parts, timing }))).toMatchInlineSnapshot(`
      "| model | ms a text | ms, 95th percentile | texts a second | $ a million texts |
      | --- | ---: | ---: | ---: | ---: |
      | \`teacher\` | – | – | – | 1,250 |
      | **\`student[seed=1]\`** | 0.41 | 0.90 | 9,877 | 0.011 |

      Measured on the machine that made this, on 2 threads, of the models as \`recipe\` computes them. Milliseconds are of texts one by one. Texts a second are of batches of 32. Dollars are of texts one by one, at what the recipe takes an hour of that machine to cost; of a teacher behind an API, as it was billed."
    `);
    const written = { threads: 1, models: [{ name: 'student[seed=1]', tokens: 500, seconds: 2 }] };
    expect(sectionOf('Cost', cardOf({ ...parts, timing: written }))).toContain(
      '| model | tokens a second |\n| --- | ---: |\n| **`student[seed=1]`** | 250 |\n\nMeasured on the machine that made this, on 1 thread,',
    );
    // Masked and other language models are not timed.
    expect(cardOf({ ...parts, timing: { threads: 1, models: [{ name: 'student' }] } })).not.toContain('## Cost');
    expect(card).not.toContain('## Cost');
  });

  it('says what is not known', () => {
    const bare = cardOf({
      ...parts,
      origin: { model: 'm', claims: [], lineage: [] },
      metrics: undefined,
      options: { languages: [], limits: [] },
    });
    expect(bare).toContain('# A bert that tells texts apart: ham, spam\\|eggs');
    expect(sectionOf('Data', bare)).toBe('Nothing is known of the data that the model was trained on.');
    expect(sectionOf('Metrics', bare)).toBe('The recipe handed over no evaluation.');
    expect(sectionOf('Terms', bare)).toBe('No model behind an API was asked, so no terms of one apply.');
    const silent = cardOf({ ...parts, origin: { ...parts.origin, claims: [] } });
    expect(sectionOf('Terms', silent)).toBe('Of `labels` the recipe says no terms.');
    expect(sectionOf('Data', silent)).toContain('licence: not said; permission: not said; personal data: not said');
  });
});
