import { describe, expect, it } from 'vitest';
import type { LogitsIndex } from '../../src/data/logits.js';
import type { Objective, Stage } from '../../src/options/train.js';
import { checkObjectives, fitOf } from '../../src/train/preflight.js';
import { objectivesOf, tinyConfig } from './rig.js';

const index: LogitsIndex = {
  format: 2,
  teacher: { name: 'bert', revision: 'd1', layers: 4, hidden: 12, heads: 2 },
  labels: ['ham', 'spam'],
  tokenizer: 'abc',
  maxLength: 40,
  hiddenStates: [0, 2],
  attention: [],
  dtype: 'float16',
  tokens: null,
  computed: { backend: 'onnx', precision: 'float32' },
  rows: 0,
  covered: null,
  rowsSha256: '',
  shards: [],
};
/** Of a teacher that reads texts and not tokens. */
const ofTexts: LogitsIndex = {
  ...index,
  teacher: { name: 'logistic', revision: 'd2', layers: 0, hidden: 0, heads: 0 },
  tokenizer: null,
  maxLength: null,
  hiddenStates: [],
};
const config = tinyConfig(50);
const fit = fitOf(index, config, ['ham', 'spam'], 'abc');
const check = (objective: Objective, teacher: Parameters<typeof checkObjectives>[2]) => {
  const stage: Stage = { objectives: [objective], learning_rate: 1, warmup: 0, schedule: 'linear', freeze: [] };
  return () => checkObjectives([stage], 'classifier', teacher);
};
const hidden: Objective = {
  type: 'hidden-states',
  weight: 1,
  teacher: 1,
  layer_map: { type: 'uniform' },
  distance: 'mse',
  projection: 'shared',
};

describe('what is checked before training', () => {
  it('puts teacher and student side by side', () => {
    expect(fit).toEqual({
      layers: { student: 2, teacher: 4 },
      studentHidden: 8,
      teacherHidden: 12,
      studentHeads: 2,
      teacherHeads: 2,
      studentValues: { heads: 2, width: 4 },
      teacherValues: undefined,
    });
  });

  it('refuses logits of other labels, another tokenizer or another length', () => {
    expect(() => fitOf(index, config, ['eggs', 'ham', 'spam'], 'abc')).toThrow(
      'the labels of the input "teacher" are not those of the input "data": the teacher does not know "eggs"',
    );
    expect(() => fitOf(index, config, ['spam'], 'abc')).toThrow('"data": the data does not have "ham"');
    expect(() => fitOf(index, config, index.labels, 'abd')).toThrow('made with another tokenizer');
    expect(() => fitOf(index, { ...config, maxLength: 64 }, index.labels, 'abc')).toThrow(
      'the teacher read 40 tokens of a text, the student reads 64',
    );
  });

  it('refuses stored answers for texts with hidden tokens', () => {
    const objectives = objectivesOf({ type: 'hidden-states', layer_map: 'last' });
    const stage: Stage = { objectives, learning_rate: 1, warmup: 0, schedule: 'linear', freeze: [] };
    expect(() => checkObjectives([stage], 'masked-language-model', [{ fit, index }])).toThrow(
      'others in every pass, and the cache is of whole texts',
    );
  });

  it('takes labels in any order, and no labels where none are learnt', () => {
    expect(fitOf(index, config, ['spam', 'ham'], 'abc')).toEqual(fit);
    const bare = { ...index, labels: [] };
    expect(fitOf(bare, config, ['ham', 'spam'], 'abc')).toEqual(fit);
    expect(check({ ...hidden, layer_map: [[0, 0]] }, [{ fit, index: bare }])).not.toThrow();
    expect(
      check({ type: 'soft-label', weight: 1, teacher: 1, temperature: 1, divergence: { type: 'forward' } }, [
        { fit, index: bare },
      ]),
    ).toThrow(
      'objective "soft-label" needs the teacher\'s class logits, but the teacher, a bert, tells no labels apart',
    );
  });

  it('asks for no tokenizer where the teacher reads texts, and for nothing but soft labels', () => {
    const own = fitOf(ofTexts, { ...config, maxLength: 7 }, ['spam', 'ham'], 'another');
    expect(
      check({ type: 'soft-label', weight: 1, teacher: 1, temperature: 1, divergence: { type: 'forward' } }, [
        { fit: own, index: ofTexts },
      ]),
    ).not.toThrow();
    const others = objectivesOf('attention', 'embeddings', 'value-relation', 'contrastive');
    for (const objective of [hidden, ...others]) {
      expect(check(objective, [{ fit: own, index: ofTexts }])).toThrow(
        `objective "${objective.type}" learns from a teacher's layers, and of this one (logistic) only class logits are known`,
      );
    }
    const layered = { ...hidden, layer_map: [[1, 4]] as [[number, number]] };
    expect(check(layered, [{ fit: own, index: ofTexts }])).toThrow("learns from a teacher's layers");
  });

  it('asks for a teacher where an objective learns from one', () => {
    expect(
      check({ type: 'soft-label', weight: 1, teacher: 1, temperature: 1, divergence: { type: 'forward' } }, []),
    ).toThrow('objective "soft-label" learns from a teacher, and the input "teacher" is not given');
    expect(check({ type: 'hard-label', weight: 1 }, [])).not.toThrow();
  });

  it('names the layers that the logits do not hold', () => {
    expect(check(hidden, [{ fit, index }])).toThrow(
      'objective "hidden-states" needs the teacher\'s hidden states of layer 4, but the logits hold layers 0, 2',
    );
    expect(
      check({ type: 'attention', weight: 1, teacher: 1, layer_map: { type: 'last' }, of: 'scores', distance: 'mse' }, [
        { fit, index },
      ]),
    ).toThrow('attention scores of layer 4, but the logits hold none');
    const [relation] = objectivesOf('value-relation') as [Objective];
    expect(check(relation, [{ fit, index }])).toThrow(
      'objective "value-relation" needs the teacher\'s values of layer 4, but the logits hold none',
    );
    expect(
      check(
        {
          ...hidden,
          layer_map: [
            [0, 0],
            [1, 2],
          ],
        },
        [{ fit, index }],
      ),
    ).not.toThrow();
  });
});
