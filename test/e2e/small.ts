import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../src/util/random.js';
import { folder } from '../cli/recipe.js';

const WORDS = {
  ham: ['meeting', 'report', 'thanks', 'friday', 'project', 'please', 'team', 'review', 'budget', 'notes'],
  spam: ['cheap', 'pills', 'win', 'money', 'offer', 'free', 'click', 'prize', 'loan', 'casino'],
  both: ['the', 'and', 'you', 'for', 'with', 'this', 'that', 'have', 'from', 'will'],
};

/** Made-up texts of two kinds, no two alike, as JSON Lines. */
export function texts(count: number): string {
  const random = new Random(5, 'texts');
  const rows = Array.from({ length: count }, (_, i) => {
    const label = i % 2 === 0 ? 'ham' : 'spam';
    const words = Array.from({ length: 6 + random.below(10) }, () => {
      const list = random.below(3) === 0 ? WORDS.both : WORDS[label];
      return list[random.below(list.length)];
    });
    return `${JSON.stringify({ text: `${words.join(' ')} number${i}`, label })}\n`;
  });
  return rows.join('');
}

const ref = (path: string): string => `\${{ steps.${path.replace('.', '.outputs.')} }}`;

/** Texts of which 1,920 are to train on: eight shards of logits, more than the kills of a test use up. */
const TEXTS = 2400;

/** A whole distillation, as `recipes/tinybert.yaml` is one, that takes a few seconds. */
export const SMALL = `version: 1
name: small
seed: 7
params:
  student_updates: 40
steps:
  corpus:
    uses: sample-data
    with:
      source: { type: jsonl, path: rows.jsonl }
      deduplicate: { near: null }
      split: { train: 0.8, validation: 0.05, test: 0.15 }
      gold: 300
  tokenizer:
    uses: train-tokenizer
    with: { data: "${ref('corpus.train')}", vocabulary: 300 }
  teacher:
    uses: train
    with:
      data: ${ref('corpus.train')}
      tokenizer: ${ref('tokenizer.tokenizer')}
      model: { type: bert, layers: 2, hidden: 32, heads: 2, intermediate: 64, max_length: 16 }
      stages: [{ objectives: [hard-label], updates: 40, learning_rate: 2.0e-3 }]
  logits:
    uses: cache-logits
    with:
      teacher: ${ref('teacher.model')}
      data: ${ref('corpus.train')}
      hidden_states: [0, 2]
      attention: [2]
  student:
    uses: train
    with:
      data: ${ref('corpus.train')}
      tokenizer: ${ref('tokenizer.tokenizer')}
      teacher: ${ref('logits.logits')}
      model: { type: bert, layers: 1, hidden: 16, heads: 2, intermediate: 32, max_length: 16 }
      stages:
        - objectives:
            - { type: hidden-states, layer_map: uniform }
            - { type: attention, layer_map: uniform }
          updates: 40
        - objectives:
            - { type: soft-label, weight: 0.7, temperature: 2 }
            - { type: hard-label, weight: 0.3 }
          updates: "\${{ params.student_updates }}"
  baseline:
    uses: train
    with:
      data: ${ref('corpus.train')}
      tokenizer: ${ref('tokenizer.tokenizer')}
      model: { type: bert, layers: 1, hidden: 16, heads: 2, intermediate: 32, max_length: 16 }
      stages: [{ objectives: [hard-label], updates: 40 }]
  yardstick:
    uses: train
    with: { data: "${ref('corpus.train')}", model: { type: logistic } }
  report:
    uses: evaluate
    with:
      data: ${ref('corpus.test')}
      teacher: ${ref('teacher.model')}
      baseline: ${ref('baseline.model')}
      students: ["${ref('student.model')}", "${ref('yardstick.model')}"]
outputs:
  student: ${ref('student.model')}
`;

/** A folder that holds that recipe, as `small.yaml`, and its texts. */
export function smallFolder(): string {
  const path = folder({ 'small.yaml': SMALL });
  writeFileSync(join(path, 'rows.jsonl'), texts(TEXTS));
  return path;
}
