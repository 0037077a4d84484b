import { readFile } from 'node:fs/promises';
import { fill } from '../../data/template.js';
import { StepFailure } from '../../util/failure.js';
import type { Message } from './reply.js';

/** A worked example: what a row says, and what the teacher should answer to it. */
export interface Example {
  readonly fields: Readonly<Record<string, string>>;
  readonly answer: string;
}

/** What a row is asked: the system message, the examples as turns before it, and the row itself. */
export interface Prompt {
  readonly system: string;
  readonly user: string;
  readonly examples: readonly Example[];
}

/** @throws StepFailure if a field is lacking */
export function messagesOf(prompt: Prompt, fields: Readonly<Record<string, string>>, where: string): Message[] {
  const turns = prompt.examples.flatMap(({ fields: shown, answer }, i): Message[] => [
    { role: 'user', content: fill(prompt.user, shown, `example ${i + 1}`) },
    { role: 'assistant', content: answer },
  ]);
  const system: Message[] = prompt.system === '' ? [] : [{ role: 'system', content: prompt.system }];
  return [...system, ...turns, { role: 'user', content: fill(prompt.user, fields, where) }];
}

/**
 * Examples from a JSONL file: on each line an object of texts with an `answer`.
 * @throws StepFailure for a line that is none
 */
export async function readExamples(file: string): Promise<Example[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const examples = lines.flatMap((line, i): Example[] => {
    if (line.trim() === '') return [];
    const row = parse(line);
    if (row === undefined) {
      const message = `${file}:${i + 1}: not an example`;
      throw new StepFailure('bad-example', message, 'Each line is an object of texts, one of them "answer".');
    }
    const { answer, ...fields } = row;
    return [{ fields, answer: answer as string }];
  });
  if (examples.length === 0) throw new StepFailure('bad-example', `${file} has no examples`);
  return examples;
}

function parse(line: string): Record<string, string> | undefined {
  try {
    const row: unknown = JSON.parse(line);
    if (typeof row !== 'object' || row === null || Array.isArray(row)) return undefined;
    const entries = Object.entries(row);
    if (!entries.some(([key]) => key === 'answer') || entries.some(([, value]) => typeof value !== 'string'))
      return undefined;
    return Object.fromEntries(entries) as Record<string, string>;
  } catch {
    return undefined;
  }
}
