import type { JsonObject } from '../util/json.js';
import type { Job } from './executor.js';
import { replaceAt } from './replace-at.js';
import { StepFailure } from './step.js';

/** Shorter values are no secrets, and hiding every `3` would garble what people read. */
const SHORTEST = 4;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A job's options with `${{ env.NAME }}` replaced by the values.
 * @throws StepFailure if a variable is not set or empty
 */
export function resolveEnvironment(job: Job, environment: Environment): JsonObject {
  return replaceAt(
    job.options,
    job.environment.map(({ pointer, name }) => ({
      pointer,
      replace: (text) => {
        const value = environment[name];
        if (value === undefined || value === '') {
          throw new StepFailure(
            'missing-environment',
            `the environment variable ${name} is not set`,
            `Set it before you run the recipe: export ${name}=…`,
          );
        }
        return String(text).replaceAll(/\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g, (whole, found: string) =>
          found === name ? value : whole,
        );
      },
    })),
  );
}

/** Hides the values of environment variables in whatever leaves a job's process. */
export class Redactor {
  private readonly forms: readonly string[];

  constructor(job: Pick<Job, 'environment' | 'secrets'>, environment: Environment) {
    const forms = new Set<string>();
    for (const name of [...job.environment.map((variable) => variable.name), ...job.secrets]) {
      const value = environment[name] ?? '';
      // As it is, each of its lines (a key in PEM form is printed line by line), inside JSON, and inside an address.
      for (const text of [value, ...value.split(/\r?\n/)]) {
        for (const form of [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text)]) {
          if (form.trim().length >= SHORTEST) forms.add(form);
        }
      }
    }
    // The longest first: one may be part of another.
    this.forms = [...forms].sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    let hidden = text;
    for (const form of this.forms) hidden = hidden.replaceAll(form, '***');
    return hidden;
  }

  /** A copy of plain data in which every string, keys too, is redacted. */
  data<T>(value: T): T {
    return this.forms.length === 0 ? value : (this.walk(value) as T);
  }

  private walk(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.walk(item));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.walk(item)]));
  }
}
