/**
 * The tags of the Brown corpus (Francis & Kučera, Manual, 1979). One may have `-TL`, `-HL` or `-NC` behind it (of a title,
 * in a headline, cited), `FW-` before it (foreign word), `*` (negated), and `+` joins those of a contraction: `PPS+BEZ`.
 */

/** Their universal part of speech by their beginning, the longest that fits (Petrov, Das & McDonald 2012). */
const UNIVERSAL: readonly (readonly [string, string])[] = Object.entries({
  NOUN: ['nn', 'np', 'nr', 'pn', 'cd$'],
  VERB: ['vb', 'be', 'do', 'hv', 'md'],
  PRON: ['pps', 'ppo', 'ppl', 'pp$$', 'wps', 'wpo'],
  ADJ: ['jj', 'ap', 'od'],
  ADV: ['rb', 'rn', 'ql', 'wrb', 'wql', '*'],
  ADP: ['in', 'cs'],
  CONJ: ['cc'],
  DET: ['at', 'dt', 'abx', 'pp$', 'wdt', 'wp$'],
  NUM: ['cd'],
  PRT: ['abl', 'abn', 'ex', 'rp', 'to', 'uh', 'jj$', 'ap$', 'rb$'],
  X: ['nil'],
  '.': ['.', ',', ':', '(', ')', "'", '`', '-'],
})
  .flatMap(([universal, tags]) => tags.map((tag) => [tag, universal] as const))
  .sort(([a], [b]) => b.length - a.length);

/** Contractions that are none of their parts' kinds. */
const MIXED = new Set(['do+ppss', 'wdt+ber+pp', 'wdt+do+pps']);

/** A tag without what says where its word stands. */
export const plainTag = (tag: string): string => tag.replace(/(?<=.)(?:-(?:tl|hl|nc|t|n))+$/, '');

/**
 * The universal tag of one of Brown's, as the published table has it (https://github.com/slavpetrov/universal-pos-tags):
 * foreign words are `X`; a word that is contracted with a verb (`it's`) or begins a question (`who'd`) is a particle,
 * any other contraction what its first part is.
 */
export function universalTag(tag: string): string {
  if (tag.startsWith('fw-')) return 'X';
  const plain = plainTag(tag);
  if (MIXED.has(plain)) return 'X';
  const [first = '', second] = plain.split('+');
  const own = ofPart(first);
  const contracted = second !== undefined && own !== 'VERB' && (ofPart(second) === 'VERB' || first.startsWith('w'));
  return contracted ? 'PRT' : own;
}

const ofPart = (tag: string): string => UNIVERSAL.find(([beginning]) => tag.startsWith(beginning))?.[1] ?? 'X';
