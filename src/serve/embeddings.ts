import { badRequest } from './errors.js';
import { type EmbeddingsRequest, textsOf } from './requests.js';
import type { ServedModel } from './served-model.js';
import { checkTokens } from './tokens.js';

/**
 * Embeddings of one or more texts.
 * @throws ApiError
 */
export async function embeddingsAnswer(model: ServedModel, body: EmbeddingsRequest, signal: AbortSignal) {
  const { kind, dimensions, vocabulary } = model.info;
  if (dimensions === null) {
    const what = kind === 'language-model' ? 'is a language model' : 'has no encoder';
    throw badRequest(`"${model.id}" ${what}: it gives no embeddings.`, 'model');
  }
  if ((body.dimensions ?? dimensions) !== dimensions) {
    throw badRequest(`"dimensions" must be ${dimensions} for "${model.id}".`, 'dimensions', 'invalid_value');
  }
  const inputs = textsOf(body.input);
  if (inputs === undefined) {
    throw badRequest(
      '"input" must be a text, a list of texts, the tokens of a text, or a list of those.',
      'input',
      'invalid_type',
    );
  }
  checkTokens(inputs, vocabulary, 'input');
  const embedded = await model.embed(inputs, signal);
  const tokens = embedded.reduce((sum, item) => sum + item.tokens, 0);
  return {
    object: 'list',
    data: embedded.map(({ vector }, index) => ({
      object: 'embedding',
      index,
      embedding: body.encoding_format === 'base64' ? base64(vector) : [...vector],
    })),
    model: model.id,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** float32, little-endian. */
function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(4 * vector.length);
  vector.forEach((value, i) => {
    bytes.writeFloatLE(value, 4 * i);
  });
  return bytes.toString('base64');
}
