import { makeDynamic } from '../backend/dynamic.js';
import { finish } from '../backend/finish.js';
import { dissect } from '../backend/generalize.js';
import { encode } from '../backend/onnx/encode.js';
import { portable } from '../backend/portable.js';
import { quantizePortable } from '../backend/quantize-portable.js';
import type { HostTensors } from '../backend/runner.js';
import { record } from '../backend/trace.js';
import { architectureOf } from '../models/architectures.js';
import type { TransformerModel } from '../models/checkpoint.js';
import { formatBytes } from '../util/bytes.js';
import { StepFailure } from '../util/failure.js';
import { formsOf } from './form.js';

/** An ONNX file is a protobuf message, which holds less than 2 GiB. */
const LARGEST = 2 ** 31 - 2 ** 24;

/** Matrices of fewer columns or rows are too small for integers to save anything. */
const LEAST = 16;

export interface Graphs {
  /** An ONNX file in float32. */
  readonly exact: Uint8Array;
  /** The same in 8-bit integers; absent where it is not asked for. */
  readonly short: Uint8Array | undefined;
}

/**
 * A transformer as ONNX files whose batch and length are whatever they are fed.
 * @throws StepFailure if its weights are too many for one file
 */
export function graphsOf({ config, parameters }: TransformerModel, quantize: boolean): Graphs {
  const bytes = Object.values(parameters).reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes > LARGEST) {
    throw new StepFailure(
      'too-large',
      `the weights are ${formatBytes(bytes)}, and an ONNX file holds ${formatBytes(LARGEST)}`,
    );
  }
  const forms = formsOf(config);
  const recordings = forms.map(({ feeds, call }) => {
    const recording = record({ ...parameters, ...feeds }, (all) => {
      const pick = (names: object) => Object.fromEntries(Object.keys(names).map((name) => [name, all[name]]));
      return call(pick(parameters) as typeof all, pick(feeds) as typeof all);
    });
    return { graph: recording.graph, recorded: finish(recording, () => false) };
  });
  const [{ graph, recorded }] = recordings as [(typeof recordings)[number]];
  const [form] = forms as [(typeof forms)[number]];
  const { program, dimensions } = makeDynamic(
    graph,
    recorded,
    recordings.map((each) => dissect(each.recorded)),
    forms.map(({ sizes }) => sizes),
    form.axes,
  );
  const weights: HostTensors = parameters;
  const specs = architectureOf(config).parameters(config);
  const chosen = (name: string): boolean =>
    (specs[name]?.part !== 'head' || config.head === 'language-model') &&
    Math.min(...(specs[name]?.shape ?? [])) >= LEAST;
  return {
    exact: encode(portable(graph, program), dimensions, weights),
    short: quantize
      ? encode(portable(graph, quantizePortable(graph, program, weights, chosen)), dimensions, weights)
      : undefined,
  };
}
