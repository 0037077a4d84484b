import { resolve } from 'node:path';
import { defineStep } from '../engine/step.js';
import { isHubReference } from '../hub/reference.js';
import type { ImportModelOptions } from '../options/import-model.js';
import { output } from '../train/foresight.js';

export const importModel = defineStep<ImportModelOptions>({
  name: 'import-model',
  version: 2,
  summary: 'Takes a pretrained model: from a folder, from the Hub, an ONNX file or a TensorFlow.js graph',
  inputs: {},
  outputs: { model: 'model' },
  lane: 'network',
  packages: ['tokenizers'],
  environment: { HF_TOKEN: 'secret', HF_ENDPOINT: 'plain', HF_HOME: 'plain', HF_HUB_CACHE: 'plain' },
  foresees: async ({ model }, _, folder) =>
    typeof model !== 'string' || isHubReference(model)
      ? {}
      : output('model', await (await import('../train/foresee-folder.js')).folderFacts(resolve(folder, model))),
  run: async (ctx) => (await import('../hub/import.js')).run(ctx),
});
