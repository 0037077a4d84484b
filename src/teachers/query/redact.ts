/** What may be masked in a row before it leaves the machine. */
export type Redaction = 'email' | 'phone' | 'card' | { readonly pattern: string; readonly as: string };

const EMAIL = /[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu;
/** 13 to 19 digits in groups, as cards have them; Luhn's sum decides. */
const CARD = /(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])/g;
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
    ...(wanted.has('card')
      ? [(text: string) => text.replaceAll(CARD, (digits) => (luhn(digits) ? '[card]' : digits))]
      : []),
    ...(wanted.has('phone') ? [(text: string) => text.replaceAll(PHONE, '[phone]')] : []),
  ];
  return (text) => masks.reduce((masked, mask) => mask(masked), text);
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
