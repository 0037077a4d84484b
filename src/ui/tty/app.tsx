import { Box, Static, Text } from 'ink';
import type { ReactElement } from 'react';
import { type Entry, historyLines } from './history.js';
import type { Line, Tone } from './layout.js';

const COLORS: Readonly<Partial<Record<Tone, string>>> = { good: 'green', bad: 'red', warn: 'yellow', active: 'cyan' };

function LineText({ line, color }: { readonly line: Line; readonly color: boolean }): ReactElement {
  return (
    <Text wrap="truncate">
      {line.map(({ text, tone }, i) => {
        const paint = color && COLORS[tone] ? { color: COLORS[tone] } : {};
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a line have no identity but their place
          <Text key={i} {...paint} dimColor={color && tone === 'dim'}>
            {text}
          </Text>
        );
      })}
    </Text>
  );
}

export interface AppProps {
  /** Only ever grows. */
  readonly history: readonly Entry[];
  readonly frame: readonly Line[];
  readonly columns: number;
  readonly color: boolean;
}

/** What has ended scrolls off above; what runs and waits is redrawn below. */
export function App({ history, frame, columns, color }: AppProps): ReactElement {
  return (
    <>
      <Static items={[...history]}>
        {(entry) => (
          <Box key={entry.key} flexDirection="column">
            {historyLines(entry, columns).map((line, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: printed once
              <LineText key={i} line={line} color={color} />
            ))}
          </Box>
        )}
      </Static>
      <Box flexDirection="column">
        {frame.map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place on the screen
          <LineText key={i} line={line} color={color} />
        ))}
      </Box>
    </>
  );
}
