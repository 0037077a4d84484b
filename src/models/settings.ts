import { StepFailure } from '../util/failure.js';

type Setting = string | number | boolean | null;

export interface Settings {
  /** @throws StepFailure if it is no number, or missing where there is no usual value */
  number(name: string, usual?: number): number;
  flag(name: string, usual: boolean): boolean;
  /** @throws StepFailure if it is none of those that are known: the folder's model would be computed wrongly */
  choice<T extends string>(name: string, known: readonly T[], usual: T): T;
  /** A token's id, the first where there are several; null where there is none. */
  tokenId(name: string): number | null;
  /**
   * Settings that our model has built in: absent, null or equal.
   * @throws StepFailure if one of them differs: the folder's model would be computed wrongly
   */
  only(builtIn: Readonly<Record<string, Setting>>): void;
}

/** Reads the settings of a `config.json`; one that is null counts as absent. */
export function settings(json: Readonly<Record<string, unknown>>): Settings {
  return {
    number(name, usual) {
      const value = json[name] ?? usual;
      if (typeof value === 'number') return value;
      const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, which is no number`;
      throw new StepFailure('unsupported-model', `config.json: ${name} ${found}`);
    },
    flag(name, usual) {
      const value = json[name] ?? usual;
      if (typeof value === 'boolean') return value;
      throw new StepFailure('unsupported-model', `config.json: ${name} is ${JSON.stringify(value)}, not true or false`);
    },
    choice<T extends string>(name: string, known: readonly T[], usual: T): T {
      const value = json[name] ?? usual;
      const found = known.find((each) => each === value);
      if (found !== undefined) return found;
      const list = known.map((each) => JSON.stringify(each)).join(' and ');
      throw new StepFailure(
        'unsupported-model',
        `config.json has ${name}: ${JSON.stringify(value)}, and only ${list} can be computed here`,
      );
    },
    tokenId: (name) => [json[name]].flat().find((id): id is number => typeof id === 'number') ?? null,
    only(builtIn) {
      for (const [name, value] of Object.entries(builtIn)) {
        const found = json[name];
        if (found !== undefined && found !== null && found !== value) {
          throw new StepFailure(
            'unsupported-model',
            `config.json has ${name}: ${JSON.stringify(found)}, and only ${JSON.stringify(value)} can be computed here`,
          );
        }
      }
    },
  };
}
