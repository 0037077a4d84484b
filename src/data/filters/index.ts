import type { Reporter } from '../sources/source.js';
import { type BoilerplateFilter, boilerplate } from './boilerplate.js';
import { type CharactersFilter, characters } from './characters.js';
import type { Filter, Taken, Texts } from './filter.js';
import { type LanguageFilter, language } from './language.js';
import { type LengthFilter, length } from './length.js';
import { type PerplexityFilter, perplexity } from './perplexity.js';
import { type RepetitionFilter, repetition } from './repetition.js';

/** What a filter of `quality:` can be, by its `type`. */
export type FilterOptions =
  | LengthFilter
  | LanguageFilter
  | RepetitionFilter
  | BoilerplateFilter
  | CharactersFilter
  | PerplexityFilter;

const FILTERS = { length, language, repetition, boilerplate, characters, perplexity } satisfies {
  [Type in FilterOptions['type']]: Filter<Extract<FilterOptions, { type: Type }>>;
};

/** Which texts a filter of any type takes, and why. */
export function judge(texts: Texts, options: FilterOptions, seed: number, report: Reporter): AsyncIterable<Taken> {
  // Which module it is follows from the type; TypeScript does not follow it.
  return (FILTERS[options.type] as Filter<FilterOptions>).judge(texts, options, seed, report);
}
