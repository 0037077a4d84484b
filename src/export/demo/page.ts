import type { Pipeline } from '../form.js';

/** Pipelines that there is a page for. */
export const SHOWN: readonly Pipeline[] = [
  'text-classification',
  'token-classification',
  'text-generation',
  'fill-mask',
];

/** Files of transformers.js and ONNX Runtime, beside the page. */
export const ASSETS = 'demo';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** What the page's script does with an answer, as JavaScript: `answer` in, rows of cells out. */
const ROWS: Readonly<Partial<Record<Pipeline, string>>> = {
  'text-classification': 'answer.map(({ label, score }) => [label, score.toFixed(4)])',
  'token-classification':
    'answer.map(({ entity_group, entity, word, score }) => [`${entity_group ?? entity}: ${word}`, score.toFixed(4)])',
  'text-generation': "[[answer[0].generated_text, '']]",
  'fill-mask': 'answer.flat().map(({ token_str, score }) => [token_str, score.toFixed(4)])',
};

/** Ahead of the first question, as JavaScript: what a text needs to be asked about. */
const PREPARE: Readonly<Partial<Record<Pipeline, string>>> = {
  'fill-mask':
    "first = ask.tokenizer.mask_token; document.querySelector('label').append(`, with ${first} in place of a word`);",
};

const OPTIONS: Readonly<Partial<Record<Pipeline, object>>> = {
  'text-classification': { top_k: null },
  'token-classification': { aggregation_strategy: 'simple' },
  'fill-mask': { top_k: 8 },
  'text-generation': { max_new_tokens: 64, do_sample: false, return_full_text: false },
};

/**
 * A page that runs the model of the folder that it lies in: no network but the files beside it, which its content
 * security policy makes sure of. It says how long each text takes.
 */
export function demoPage(title: string, pipeline: Pipeline, dtype: 'q8' | 'fp32'): string {
  const settings = JSON.stringify({ pipeline, dtype, options: OPTIONS[pipeline] }).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:; connect-src 'self' blob:; style-src 'unsafe-inline'; img-src data:; worker-src 'self' blob:">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; }
  textarea { box-sizing: border-box; width: 100%; min-height: 8rem; font: inherit; padding: .5rem; }
  button { font: inherit; padding: .4rem 1.2rem; margin: .5rem 0; }
  td { padding: .1rem 1rem .1rem 0; overflow-wrap: anywhere; white-space: pre-wrap; }
  td + td { font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<form>
<label for="text">Text</label>
<textarea id="text" required></textarea>
<button disabled>Ask</button>
</form>
<p id="state" role="status">Loading the model…</p>
<table aria-live="polite"><tbody></tbody></table>
<p><small>The model runs in this page: no text leaves it.</small></p>
<script type="module">
import { env, LogLevel, pipeline } from './${ASSETS}/transformers.min.js';

const settings = ${settings};
const wasm = new URL('./${ASSETS}/', location.href).href;
env.logLevel = LogLevel.ERROR;
env.allowRemoteModels = false;
env.allowLocalModels = true;
env.useBrowserCache = false;
env.useWasmCache = false;
env.backends.onnx.wasm.wasmPaths = { mjs: wasm + 'ort-wasm-simd-threaded.mjs', wasm: wasm + 'ort-wasm-simd-threaded.wasm' };

const [form, text, button, state, body] = ['form', '#text', 'button', '#state', 'tbody'].map((name) => document.querySelector(name));
const say = (words) => { state.textContent = words; };
try {
  const started = performance.now();
  const ask = await pipeline(settings.pipeline, './', { dtype: settings.dtype, device: 'wasm' });
  let first = 'warm up';
  ${PREPARE[pipeline] ?? ''}
  await ask(first, settings.options);
  say(\`Loaded in \${Math.round(performance.now() - started)} ms.\`);
  button.disabled = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const before = performance.now();
      const answer = await ask(text.value, settings.options);
      const ms = performance.now() - before;
      const rows = ${ROWS[pipeline]};
      body.replaceChildren(...rows.map((cells) => {
        const row = document.createElement('tr');
        row.append(...cells.map((cell) => Object.assign(document.createElement('td'), { textContent: cell })));
        return row;
      }));
      say(\`\${ms.toFixed(1)} ms for this text.\`);
    } catch (error) {
      say(\`It failed: \${error.message}\`);
    }
    button.disabled = false;
  });
} catch (error) {
  say(\`The model cannot be loaded: \${error.message}\`);
}
</script>
</body>
</html>
`;
}
