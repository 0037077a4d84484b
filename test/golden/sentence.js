// Writes texts of all lengths and the vectors that a bi-encoder's folder gives them: see sentence.py.
import { loadEmbedder } from '../../dist/models/embedders.js';

const words = 'the meeting about the kettle in the kitchen is at noon and who took it nobody knows'.split(' ');
const texts = Array.from({ length: 60 }, (_, i) =>
  Array.from({ length: 3 * i + 1 }, (_, k) => words[(i + 7 * k) % words.length]).join(' '),
);
const encoder = await loadEmbedder(process.argv[2], 'onnx', 2);
process.stdout.write(JSON.stringify({ texts, vectors: [...(await encoder.embed(texts))] }));
await encoder.close();
