import type { Row } from '../data/dataset.js';
import { checkTags, isTagged, wordsOf } from '../data/words.js';
import { loadTagger, type Tagged } from '../models/tagger.js';
import { type EntityCounts, entityQuality, marksEntities, sumOf } from '../report/entities.js';
import { argmaxRows } from '../report/metrics.js';
import { type TaggedRow, tagQuality } from '../report/tags.js';
import type { Json } from '../util/json.js';
import type { JudgedExam } from './exam.js';
import { checkFinite } from './finite.js';

/** Index of each word's tag; −1 where the model does not read that far. */
type Tags = Int32Array;

function bestOf({ tokens, logits }: Tagged, tags: number, row: Row): Tags {
  return argmaxRows(checkFinite(row, logits), tags).map((tag, word) => ((tokens[word] as number) < 0 ? -1 : tag));
}

/** Wrong words of a row that are shown, at most. */
const WORDS_SHOWN = 20;

const mainOf = (labels: readonly string[]): 'entity_f1' | 'accuracy' =>
  marksEntities(labels) ? 'entity_f1' : 'accuracy';

export const tagging: JudgedExam<Tags> = {
  isKnown: isTagged,
  needs: 'words with tags, or spans',
  async load(folder, backend, threads) {
    const { tag, tags, ...about } = await loadTagger(folder, backend, threads);
    return {
      ...about,
      labels: tags,
      answer: async (rows) => (await tag(rows)).map((said, i) => bestOf(said, tags.length, rows[i] as Row)),
    };
  },
  check: (rows, labels, input) => checkTags(rows, labels, input, 'the model'),
  judge(rows, answers, labels) {
    const place = new Map(labels.map((tag, k) => [tag, k]));
    const judged = rows.map((row, i): TaggedRow => {
      const words = wordsOf(row);
      const known = [...words.keys()].filter((word) => words[word]?.tag !== null);
      return {
        truth: Int32Array.from(known, (word) => place.get(words[word]?.tag as string) as number),
        predicted: Int32Array.from(known, (word) => answers[i]?.[word] as number),
      };
    });
    const { words, entities, counts } = tagQuality(judged, labels);
    const { accuracy, macroF1, errors, perLabel } = words;
    const right = judged.map(({ truth, predicted }) => truth.filter((tag, word) => tag === predicted[word]).length);
    return {
      figures: {
        accuracy,
        macro_f1: macroF1,
        ...(entities && {
          entity_precision: entities.precision,
          entity_recall: entities.recall,
          entity_f1: entities.f1,
        }),
      },
      main: counts
        ? (sample) => entityQuality(sumOf(Array.from(sample, (row) => counts[row] as EntityCounts))).f1
        : (sample) => {
            const all = sample.reduce((sum, row) => sum + (judged[row] as TaggedRow).truth.length, 0);
            return sample.reduce((sum, row) => sum + (right[row] as number), 0) / all;
          },
      badness: Float64Array.from(judged, ({ truth }, row) => truth.length - (right[row] as number)),
      details: {
        words: judged.reduce((sum, { truth }) => sum + truth.length, 0),
        unread: judged.reduce((sum, { predicted }) => sum + predicted.filter((tag) => tag < 0).length, 0),
        errors,
        per_tag: perLabel.map(({ label, ...quality }) => ({ tag: label, ...quality })),
      },
    };
  },
  main: mainOf,
  truth: (row) => wordsOf(row).map(({ tag }) => tag),
  said: (_, answer, labels) => Array.from(answer, (tag) => labels[tag] ?? null),
  mistake(row, said, teacher) {
    const words = wordsOf(row);
    const tagsOf = (tags: Json): Json[] => (Array.isArray(tags) ? tags : []);
    const wrong = [...words.keys()]
      .filter((word) => words[word]?.tag !== null && words[word]?.tag !== tagsOf(said)[word])
      .slice(0, WORDS_SHOWN);
    const named = (tags: readonly Json[]): string[] =>
      wrong.map((word) => `${row.text.slice(words[word]?.start, words[word]?.end)}/${tags[word] ?? '–'}`);
    return {
      truth: named(words.map(({ tag }) => tag)),
      answer: named(tagsOf(said)),
      teacher: teacher === null ? null : named(tagsOf(teacher)),
    };
  },
};
