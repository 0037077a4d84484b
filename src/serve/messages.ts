import type { ChatMessage } from './protocol.js';
import type { ChatRequest } from './requests.js';

type Message = ChatRequest['messages'][number];

/** The text of a message; parts are joined by line ends. */
export function contentOf({ content }: Message): string {
  if (content === null) return '';
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');
}

/** Messages as chat templates know them, for which a developer is the system. */
export const plainMessages = (messages: readonly Message[]): ChatMessage[] =>
  messages.map((message) => ({
    role: message.role === 'developer' ? 'system' : message.role,
    content: contentOf(message),
  }));
