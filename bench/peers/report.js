import { median, number } from '../numbers.js';

/** The comparison with PyTorch as Markdown. @param {object} found what `compare.js` gathered */
export function peersReport({ versions, agreement, step, lm, generation, forward, epoch, whole, steady, brownTokens }) {
  /** Of the others, those whose batches are made by length aside: that is another comparison. */
  const fastest = (sides, grouped = false) =>
    Math.min(
      ...Object.entries(sides)
        .filter(([name]) => name !== 'ours' && name.includes('grouped') === grouped)
        .map(([, s]) => s.median),
    );
  const goal = (ratio, least) => `${ratio.toFixed(2)} (goal ${least}: ${ratio >= least ? 'met' : 'missed'})`;
  const sides = (title, found, least) => [
    ...Object.entries(found).map(([name, s]) => [
      title,
      name,
      `${number(s.median)} (${number(s.least)}) of ${s.ms.length}`,
      number(s.peakMiB),
      name === 'ours' ? goal(fastest(found) / s.median, least) : '',
      name === 'ours' && Number.isFinite(fastest(found, true)) ? (fastest(found, true) / s.median).toFixed(2) : '',
    ]),
  ];
  const tokensPerSecond = (s) => (100 / s.median) * 1000;
  return `# Against PyTorch, TextBrewer and torchdistill

Same machine, same threads, in turn: each round runs every side once or a few times. ${versions}. Before timing, one step
from equal weights on an equal batch, dropout off: TinyBERT-4's loss differs by ${agreement.tinybert.loss.toExponential(1)} and its
gradient norm by ${agreement.tinybert.norm.toExponential(1)} (relative), GPT-2's by ${agreement.gpt2.loss.toExponential(1)} and ${agreement.gpt2.norm.toExponential(1)}.
How the other side is set up, and where a goal is missed and why: \`bench/peers/notes.md\`. The ratio is the faster of
the others over ours.

${table(
  ['what', 'by', 'ms: median (least)', 'peak MiB', 'times as fast', 'as PyTorch grouped by length'],
  [
    ...sides('TinyBERT-4 step, 32 × 64', step, 1),
    ...sides(`TinyBERT-4 epoch, 1,000 Brown sentences (${number(brownTokens)} tokens)`, epoch, 1.2),
    ...sides('GPT-2 step (8,000 × 256, 4 layers, 16 × 128)', lm, 1),
    ...sides('100 tokens after 20, KV cache, batch 1', generation, 1.5),
    ...sides('BERT-base forward, 32 × 64, all hidden states and scores', forward, 1),
  ],
)}

Generation: ${number(tokensPerSecond(generation.ours))} tokens a second against ${number(tokensPerSecond(generation.transformers))}. BERT-base forward: ${number((32 / forward.ours.median) * 1000)} texts a
second against ${number((32 / forward.eager.median) * 1000)}. Compile once a shape: TinyBERT-4 ${number((step.ours.first - step.ours.median) / 1000)} s, GPT-2
${number((lm.ours.first - lm.ours.median) / 1000)} s (goal 3); torch.compile ${number(step.compiled.first / 1000)} s and ${number(lm.compiled.first / 1000)} s. Tokens computed in an
epoch, padding included: ${Object.entries(epoch)
    .map(([name, s]) => `${name} ${number(s.more.tokens?.at?.(-1) ?? s.more.tokens)}`)
    .join(', ')}.

## A whole distillation

BERT-base teacher (12 × 768), TinyBERT-4 student, soft labels and hidden states of five layer pairs, 3 epochs in batches of
32. Ours is a recipe through the command line, the teacher run once and cached; seconds are the two steps' own. The others
run the teacher in every epoch, as their documentation shows. The 10-epoch figures are computed from the measured pass and
the median epoch.

${table(
  ['rows', 'by', 's: teacher + 3 epochs', 'times as fast as, 3 epochs', '10 epochs', 'peak MiB'],
  [...wholeRows('500 × 64 tokens', whole.fixed), ...wholeRows('1,000 Brown sentences', whole.brown)],
)}

The agreement of the int8 teacher with the float32 one is logged by its step; it says nothing of accuracy on a task.

## Memory over 2,000 steps

The recipe's student: ${steady.map(({ step: n, mib }) => `${number(mib)} MiB after ${number(n)} steps`).join(', ')}.
`;
}

function wholeRows(rows, { ours, int8, textbrewer, torchdistill }) {
  const seconds = ({ teacher, student }, epochs) => teacher + (student * epochs) / 3;
  const other = ({ ms }, epochs) => (epochs * median(ms)) / 1000;
  const own = (name, found) => [
    rows,
    name,
    `${number(found.teacher)} + ${number(found.student)} = ${number(found.teacher + found.student)}`,
    ['textbrewer', 'torchdistill']
      .map((tool) => `${tool} ${(other({ textbrewer, torchdistill }[tool], 3) / seconds(found, 3)).toFixed(2)}`)
      .join(', '),
    ['textbrewer', 'torchdistill']
      .map((tool) => `${tool} ${(other({ textbrewer, torchdistill }[tool], 10) / seconds(found, 10)).toFixed(2)}`)
      .join(', '),
    number(found.peakMiB),
  ];
  const peer = (name, found) => [
    rows,
    name,
    number(other(found, 3)),
    '',
    number(other(found, 10)),
    number(found.peakMiB),
  ];
  return [
    own('ours', ours),
    own('ours, int8 teacher', int8),
    peer('textbrewer', textbrewer),
    peer('torchdistill', torchdistill),
  ];
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i < 2 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
