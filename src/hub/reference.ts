import { StepFailure } from '../util/failure.js';

/** A model on the Hugging Face Hub. */
export interface HubReference {
  /** `organisation/name`; a few old models have a name alone. */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const PREFIX = 'hf:';
/** As the Hub allows them: no `..`, and neither `-` nor `.` at an end. */
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/;
const REVISION = /^[A-Za-z0-9_][A-Za-z0-9._/-]*$/;

export const isHubReference = (text: string): boolean => text.startsWith(PREFIX);

/**
 * Reads `hf:organisation/name@revision`; without a revision it is `main`.
 * @throws StepFailure `hub-reference` if it is not of that form
 */
export function parseHubReference(text: string): HubReference {
  const [repository = '', revision = 'main', ...more] = text.slice(PREFIX.length).split('@');
  const names = repository.split('/');
  const good =
    isHubReference(text) &&
    more.length === 0 &&
    names.length <= 2 &&
    names.every((name) => NAME.test(name) && !name.includes('..')) &&
    REVISION.test(revision) &&
    !revision.includes('..');
  if (!good) {
    throw new StepFailure(
      'hub-reference',
      `"${text}" names no model on the Hub`,
      'Write hf:organisation/name or hf:organisation/name@revision, e.g. hf:sentence-transformers/all-MiniLM-L6-v2@main.',
    );
  }
  return { repository, revision };
}
