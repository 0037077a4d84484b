/** Text that a model writes before its answer, as DeepSeek-R1 marks it (DeepSeek-AI 2025, arXiv:2501.12948). */

const [BEGIN, END] = ['<think>', '</think>'];

/** What is thought, then what is answered. */
export const withReasoning = (reasoning: string, answer: string): string =>
  `${BEGIN}\n${reasoning.trim()}\n${END}\n\n${answer}`;

/** What stands behind the thoughts; nothing if they have no end. A text without thoughts stays as it is. */
export function answerIn(text: string): string {
  if (!text.trimStart().startsWith(BEGIN)) return text;
  const end = text.indexOf(END);
  return end < 0 ? '' : text.slice(end + END.length).trim();
}
