/** What may be masked in a row before it leaves the machine. */
export type Redaction = 'email' | 'phone' | 'card' | { readonly pattern: string; readonly as: string };

/** Begins only where a run of its characters does: else a long run without an @ is read again from each of them. */
const EMAIL = /(?<![\p{L}\p{N}._%+'-])[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu;
/** Groups of digits, as cards have them, perhaps with others around: when it runs out, its code. */
const DIGITS = /\d(?:[ \u00a0-]?\d){12,}/g;
/** Digits that a card has. */
const [FEWEST, MOST] = [13, 19];
/** Digits as they are printed on cards: 4-4-4-4, perhaps up to three more; 4-6-5 and 4-6-4; or without spaces. */
const PRINTED =
  /(?<!\d)(?:(\d{4}([ \u00a0-])\d{4}\2\d{4}\2\d{4})(\2\d{1,3})?|\d{4}([ \u00a0-])\d{6}\4\d{4,5}|\d{13,19})(?!\d)/g;
/**
 * International numbers, and national ones that are written as such: an area code in brackets or a leading zero, or
 * groups with separators, at least seven digits in all. Years, prices, times and IP addresses are left alone.
 */
const PHONE =
  /(?<![\w.@/])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){5,12}|\(\d{2,5}\)[ .-]?\d(?:[ .-]?\d){4,9}|0\d(?:[ /.-]?\d){6,11}|(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4})(?![\w@])/g;

/**
 * A function that masks. Cards come before telephone numbers, which they would look like; patterns of the recipe's own
 * come first.
 * @throws SyntaxError for a pattern that is no regular expression
 */
export function redactor(redactions: readonly Redaction[]): (text: string) => string {
  const own = redactions.flatMap((item) =>
    typeof item === 'string' ? [] : [(text: string) => text.replaceAll(new RegExp(item.pattern, 'gu'), () => item.as)],
  );
  const wanted = new Set(redactions);
  const masks: ((text: string) => string)[] = [
    ...own,
    ...(wanted.has('email') ? [(text: string) => text.replaceAll(EMAIL, '[email]')] : []),
    ...(wanted.has('card') ? [(text: string) => text.replaceAll(DIGITS, withoutCard)] : []),
    ...(wanted.has('phone') ? [(text: string) => text.replaceAll(PHONE, '[phone]')] : []),
  ];
  return (text) => masks.reduce((masked, mask) => mask(masked), text);
}

/** Masks a card however its digits are grouped, and one among other digits where it is grouped as they are printed. */
function withoutCard(run: string): string {
  if (isCard(run)) return '[card]';
  return run.replaceAll(PRINTED, (all: string, sixteen: string | undefined, _: unknown, more: string | undefined) => {
    if (sixteen !== undefined && isCard(sixteen)) return `[card]${more ?? ''}`;
    return isCard(all) ? '[card]' : all;
  });
}

function isCard(text: string): boolean {
  const { length } = text.replaceAll(/\D/g, '');
  return length >= FEWEST && length <= MOST && luhn(text);
}

/** Luhn's check sum (ISO/IEC 7812-1), which numbers of cards meet and nine of ten others do not. */
function luhn(text: string): boolean {
  const digits = [...text.replaceAll(/\D/g, '')].reverse().map(Number);
  const sum = digits.reduce((total, digit, i) => {
    const doubled = digit * 2;
    return total + (i % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}
