import { compile, type DomNode, type FormatCallback } from 'html-to-text';

/** An image is what its alternative text says, as in a mail program that does not load pictures. */
const alternativeText: FormatCallback = (image: DomNode, _walk, builder) => {
  const { alt } = (image.attribs ?? {}) as { alt?: string };
  if (alt) builder.addInline(alt);
};

/**
 * The words of an HTML document as a reader sees them: no addresses of links and pictures, no ruled lines, headings
 * in their own case. Deeper than 256 elements it stops.
 */
export const htmlToText: (html: string) => string = compile({
  wordwrap: false,
  limits: { maxDepth: 256, ellipsis: '' },
  formatters: { alternativeText },
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    { selector: 'img', format: 'alternativeText' },
    { selector: 'hr', format: 'skip' },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
});
