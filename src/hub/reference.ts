import { StepFailure } from '../util/failure.js';

/** A model, or a data set, on the Hugging Face Hub. */
export interface HubReference {
  /** What it is; a model where nothing is said. */
  readonly type?: RepositoryType;
  /** `org/name`; a few old models have no organisation: `gpt2`. */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

export type RepositoryType = 'model' | 'dataset';

const PREFIX = 'hf:';
const DEFAULT_REVISION = 'main';
const LONGEST_NAME = 96;

/** Whether a text means a model on the Hub, well formed or not: it starts with `hf:`. */
export function isHubReference(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** Whether a revision is a commit, which never changes: 40 hex digits. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/**
 * Takes `hf:org/name@revision` apart. Without `@revision` it is `main`.
 * @throws StepFailure `hub-reference`
 */
export function parseHubReference(text: string, type: RepositoryType = 'model'): HubReference {
  const example = { model: 'hf:google-bert/bert-base-uncased@main', dataset: 'hf:fancyzhx/ag_news@main' }[type];
  const thing = thingOf({ type });
  const malformed = (what: string) =>
    new StepFailure(
      'hub-reference',
      `"${text}" does not name a ${thing} on the Hugging Face Hub: ${what}`,
      `Write hf:org/name, or hf:org/name@revision for a branch, a tag or a commit: ${example}.`,
    );
  if (!isHubReference(text)) throw malformed(`it does not start with ${PREFIX}`);
  const rest = text.slice(PREFIX.length);
  const at = rest.indexOf('@');
  const repository = at < 0 ? rest : rest.slice(0, at);
  const revision = at < 0 ? DEFAULT_REVISION : rest.slice(at + 1);
  const parts = repository.split('/');
  if (parts.length > 2) throw malformed('it has more than an organisation and a name');
  if (!parts.every(isName)) throw malformed(`"${repository}" is no name of a repository`);
  if (!isRevision(revision)) throw malformed(`"${revision}" is no name of a branch, a tag or a commit`);
  return { ...(type !== 'model' && { type }), repository, revision };
}

/** What it is, for people. */
export const thingOf = ({ type = 'model' }: Pick<HubReference, 'type'>): string =>
  type === 'model' ? 'model' : 'data set';

/** Its path below the Hub's address. */
export const pathOf = ({ type = 'model', repository }: Pick<HubReference, 'type' | 'repository'>): string =>
  type === 'model' ? repository : `datasets/${repository}`;

/** As the Hub has it. `--` is kept out because it parts organisation and name in the cache's folder names. */
function isName(part: string): boolean {
  return (
    /^\w(?:[\w.-]*\w)?$/.test(part) && !/\.\.|--/.test(part) && !/\.git$/.test(part) && part.length <= LONGEST_NAME
  );
}

/** As git has it (`git check-ref-format`); what is left is also a safe path below a folder. */
function isRevision(revision: string): boolean {
  return revision !== '' && !/[\s\p{Cc}~^:?*[\\]|\.\.|@\{|\/\/|^[/.-]|\/\.|[/.]$|\.lock(\/|$)/u.test(revision);
}
