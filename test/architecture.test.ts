import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect, test } from 'vitest';
import { steps } from '../src/steps/index.js';

const SRC = resolve(import.meta.dirname, '../src');
const SCHEMAS = resolve(import.meta.dirname, '../schemas');

/** Which folders of src each folder may import from, beside itself: docs/ARCHITECTURE.md as a table. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  cli: ['ui', 'page', 'engine', 'steps', 'serve', 'trial', 'report', 'backend', 'util'],
  page: ['ui', 'engine', 'report', 'util'],
  ui: ['engine', 'util'],
  engine: ['util'],
  steps: [
    'engine',
    'hub',
    'augment',
    'choose',
    'design',
    'curve',
    'exams',
    'train',
    'teachers',
    'export',
    'data',
    'report',
    'models',
    'options',
    'util',
  ],
  serve: ['models', 'data', 'backend', 'util'],
  trial: ['models', 'data', 'report', 'backend', 'util'],
  hub: ['engine', 'models', 'data', 'options', 'util'],
  augment: ['engine', 'models', 'backend', 'data', 'options', 'util'],
  choose: ['engine', 'models', 'data', 'options', 'util'],
  design: ['engine', 'methods', 'models', 'backend', 'data', 'options', 'util'],
  curve: ['engine', 'train', 'exams', 'data', 'report', 'options', 'util'],
  exams: ['models', 'data', 'report', 'options', 'util'],
  train: ['engine', 'methods', 'models', 'backend', 'data', 'report', 'options', 'util'],
  teachers: ['engine', 'models', 'backend', 'data', 'report', 'options', 'util'],
  export: ['engine', 'teachers', 'models', 'backend', 'data', 'report', 'options', 'util'],
  methods: ['models', 'backend', 'options', 'util'],
  models: ['backend', 'data', 'util'],
  report: ['util'],
  data: ['options', 'util'],
  backend: ['util'],
  options: [],
  util: [],
};

/** Folders outside the engine's own users see of it only what a step may. */
const CONTRACT = ['engine/step.ts'];
const CONTRACT_ONLY = ['steps', 'hub', 'augment', 'choose', 'design', 'curve', 'train', 'teachers', 'export'];

/** Which files may import a package; nothing else may. */
const PACKAGES: readonly (readonly [RegExp, RegExp])[] = [
  [/^@tensorflow\/tfjs$/, /^backend\/tf\.ts$/],
  [/^onnxruntime-node$/, /^backend\/onnx\/session\.ts$/],
  [/^onnx-proto$/, /^backend\/onnx\/(encode|decode)\.ts$/],
  [/^(ink|react)(\/|$)/, /^ui\/tty\//],
  [/^ajv(\/|$)/, /^engine\//],
  [/^ml-levenberg-marquardt$/, /^curve\/law\.ts$/],
  [/^p-queue$/, /^(engine\/scheduler|models\/generate|teachers\/query\/pace)\.ts$/],
  [/^openai$/, /^teachers\/query\/client\.ts$/],
  [/^undici$/, /^teachers\/query\/transport\.ts$/],
  [/^libsql$/, /^teachers\/query\/(answers|answers-file|ledger|ledger-thread)\.ts$/],
  [/^limiter$/, /^teachers\/query\/allowance\.ts$/],
  [/^p-retry$/, /^teachers\/query\/(asker|batch)\.ts$/],
  // The CLI writes examples, a model card what the Hub reads; only the engine reads.
  [/^yaml$/, /^(engine\/|cli\/step-example\.ts$|export\/card\/front-matter\.ts$)/],
  [/^commander$/, /^cli(\.ts$|\/)/],
  [/^@huggingface\/hub$/, /^hub\//],
  [/^fastify$/, /^(serve\/(server|validation)|page\/live)\.ts$/],
  [/^echarts(\/|$)/, /^page\/charts\/(svg|echarts\.d)\.ts$/],
  [/^@dagrejs\/dagre$/, /^page\/charts\/dag\.ts$/],
  [/^@huggingface\/transformers$/, /^export\/verify\//],
  [/^@huggingface\/jinja$/, /^serve\/chat-template\.ts$/],
  [/^ml-matrix$/, /^choose\/svd\.ts$/],
  [/^(tokenizers|postal-mime|html-to-text)$/, /^data\//],
  [/^(csv-parse|hyparquet|hyparquet-compressors|chardet)$/, /^data\/sources\//],
  [/^yauzl$/, /^data\/sources\/zip\.ts$/],
  [/^eld(\/|$)/, /^data\/filters\//],
];

interface Import {
  readonly file: string;
  /** A path below src, or a package. */
  readonly target: string;
  readonly local: boolean;
  readonly lazy: boolean;
  readonly typeOnly: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(sep).join('/'))
  .filter((file) => /\.tsx?$/.test(file));

const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(SRC, file), 'utf8');
  const found = [
    ...text.matchAll(/^(?:import|export)\s+(type\s+)?[^'"]*?from\s+'([^']+)'/gm),
    ...text.matchAll(/^import\s+()'([^']+)'/gm),
  ].map((match) => ({ name: match[2] as string, typeOnly: match[1] !== undefined && match[1] !== '', lazy: false }));
  const lazy = [...text.matchAll(/import\('([^']+)'\)/g)].map((m) => ({
    name: m[1] as string,
    typeOnly: false,
    lazy: true,
  }));
  return [...found, ...lazy].map(({ name, typeOnly, lazy }) => {
    const local = name.startsWith('.');
    const path = relative(SRC, resolve(SRC, dirname(file), name))
      .split(sep)
      .join('/');
    const source = path.replace(/\.js$/, '.ts');
    const target = local ? (files.includes(source) ? source : path.replace(/\.js$/, '.tsx')) : name;
    return { file, target, local, typeOnly, lazy };
  });
});

const folderOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] as string) : 'cli');

test('imports go one way', () => {
  const wrong = imports
    .filter(({ local }) => local)
    .filter(({ file, target }) => {
      const [from, to] = [folderOf(file), folderOf(target)];
      return from !== to && !MAY[from]?.includes(to);
    });
  expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
});

test('every folder of src stands in the table', () => {
  expect([...new Set(files.map(folderOf))].sort()).toEqual(Object.keys(MAY).sort());
});

test('steps and their work see the step contract of the engine and nothing else of it', () => {
  const wrong = imports.filter(
    ({ file, target, local }) =>
      local && CONTRACT_ONLY.includes(folderOf(file)) && folderOf(target) === 'engine' && !CONTRACT.includes(target),
  );
  expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
});

test('each heavy package has its one place', () => {
  const wrong = imports.filter(
    ({ file, target, local }) => !local && PACKAGES.some(([name, place]) => name.test(target) && !place.test(file)),
  );
  expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
});

test('no heavy package is loaded before a command needs it', () => {
  const heavy =
    /^(@tensorflow\/|onnx|csv-parse|hyparquet|eld|tokenizers|ml-matrix|ink|react|postal-mime|html-to-text|fastify|echarts|@dagrejs|@huggingface\/jinja)/;
  const seen = new Set<string>();
  const loaded: string[] = [];
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { target, local } of imports.filter((i) => i.file === file && !i.lazy && !i.typeOnly)) {
      if (local) visit(target);
      else if (heavy.test(target)) loaded.push(`${file} → ${target}`);
    }
  };
  for (const entry of ['cli.ts', 'cli/validate.ts', 'cli/steps.ts', 'cli/status.ts', 'cli/worker.ts']) visit(entry);
  expect(seen.size).toBeGreaterThan(30);
  expect(loaded).toEqual([]);
});

test('every step has its schema, and every schema a use', () => {
  const all = readdirSync(SCHEMAS, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  const texts = all.map((file) => readFileSync(join(SCHEMAS, file), 'utf8'));
  for (const step of steps) expect(all).toContain(join('steps', `${step.name}.schema.json`));
  const roots = [
    'recipe.schema.json',
    'editor.schema.json',
    ...steps.map((s) => join('steps', `${s.name}.schema.json`)),
  ];
  const unused = all.filter((file) => {
    const name = file.split(sep).at(-1) as string;
    return !roots.includes(file) && !texts.some((text) => text.includes(`/${name}"`) && text.includes('"$ref"'));
  });
  expect(unused).toEqual([]);
});
