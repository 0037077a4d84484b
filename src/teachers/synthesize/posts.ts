import type { InputArtifact } from '../../engine/step.js';
import type { SynthesizeDataOptions } from '../../options/synthesize-data.js';
import { askedBy, speechOf, whereOf } from '../query/settings.js';
import { judging } from './policy.js';
import type { Post } from './respondent.js';
import { promptOf, systemOf, writerOf } from './writer.js';

/** A post, and the model and the server that hold it. */
export interface NamedPost extends Post {
  readonly revision: string;
}

export interface Posts {
  readonly writer: NamedPost;
  /** Undefined: nobody judges. */
  readonly judge: NamedPost | undefined;
  /** The judge is who writes. */
  readonly same: boolean;
}

/** Who writes and who judges, and how they are asked. @param serve the model that is served for the time of the step */
export async function postsOf(options: SynthesizeDataOptions, serve: InputArtifact | undefined): Promise<Posts> {
  const { texts_per_request: perRequest, temperature } = options;
  const baseUrl = whereOf(options, serve);
  const { speech, revision, price } = await speechOf(options, baseUrl);
  const prompt = {
    system: options.system ?? systemOf(perRequest),
    user: options.prompt ?? promptOf(options.topics !== undefined),
    examples: [],
  };
  const inquiry = writerOf({ ...speech, prompt }, perRequest, temperature);
  const writer = { options, inquiry, price, baseUrl, revision };
  const asked = judging(options);
  if (asked === undefined) return { writer, judge: undefined, same: false };
  const same = options.judge !== false && options.judge.teacher === undefined;
  const place = same ? baseUrl : whereOf(asked, undefined);
  const judged = await askedBy(asked, [], place);
  const judge = {
    options: asked,
    inquiry: judged.inquiry,
    price: judged.price,
    baseUrl: place,
    revision: judged.revision,
  };
  return { writer, judge, same };
}
