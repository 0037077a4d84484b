import { StepFailure } from '../util/failure.js';

export interface Settings {
  /** @throws StepFailure if it is missing or no number */
  number(name: string): number;
}

/**
 * Reads the settings of a `config.json`.
 *
 * @param only settings that our model has built in: absent or equal
 * @throws StepFailure if one of them differs: the folder's model would be computed wrongly
 */
export function settings(
  json: Readonly<Record<string, unknown>>,
  only: Readonly<Record<string, string | number>>,
): Settings {
  for (const [name, value] of Object.entries(only)) {
    const found = json[name];
    if (found !== undefined && found !== value) {
      throw new StepFailure(
        'unsupported-model',
        `config.json has ${name}: ${JSON.stringify(found)}, and only ${JSON.stringify(value)} can be computed here`,
      );
    }
  }
  return {
    number(name) {
      const value = json[name];
      if (typeof value === 'number') return value;
      const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, which is no number`;
      throw new StepFailure('unsupported-model', `config.json: ${name} ${found}`);
    },
  };
}
