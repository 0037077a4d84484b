import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Json, JsonObject } from '../util/json.js';
import { child } from './pointer.js';
import type { Problem, Range } from './syntax.js';
import { quote } from './words.js';

/** Where a value stands in the text, and its key if it has one. */
export interface Spot {
  readonly key?: Range;
  readonly value: Range;
}

const DEEPEST = 100;
const LONGEST_TAG = 200;
/** How many nodes aliases may add to the recipe by repeating what they name. */
const MOST_REPEATED = 10_000;
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__']);

/** Turns a YAML tree into JSON and remembers where everything stands. What JSON cannot hold becomes a problem. */
export class YamlReader {
  readonly problems: Problem[] = [];
  /** By JSON pointer. */
  readonly spots = new Map<string, Spot>();
  private readonly anchors = new Map<string, Node>();
  private readonly targets = new Map<Alias, Node | undefined>();
  /** The nodes from the root to the current one. */
  private readonly path: Node[] = [];
  /** How many aliases the current node was reached through. */
  private aliases = 0;
  private repeated = 0;
  /** Whether reading ended before all was read. */
  stopped = false;

  constructor(private readonly text: string) {}

  read(node: Node | null, pointer = '', key?: Range): Json {
    const value: Range = node ? span(node) : ((key && [key[1], key[1]]) ?? [0, 0]);
    this.spots.set(pointer, key ? { key, value } : { value });
    if (node === null || this.stopped) return null;
    if (this.aliases > 0 && ++this.repeated > MOST_REPEATED) {
      const message = `aliases repeat more than ${MOST_REPEATED} values`;
      return this.stop('alias-expansion', message, 'Write out what the recipe needs', this.path.find(isAlias) ?? node);
    }
    if (this.path.length >= DEEPEST)
      return this.stop('too-deep', `values are nested more than ${DEEPEST} deep`, undefined, node);
    this.path.push(node);
    const json = this.convert(node, pointer);
    this.path.pop();
    return json;
  }

  private convert(node: Node, pointer: string): Json {
    if (isAlias(node)) return this.alias(node, pointer);
    const { anchor, tag } = node as Scalar | YAMLMap | YAMLSeq;
    if (anchor) this.anchors.set(anchor, node);
    if (tag !== undefined && !tag.startsWith('tag:yaml.org,2002:')) this.refuseTag(tag, node);
    else if (tag !== undefined && !CORE_TAGS.has(tag)) this.refuseTag(tag.replace('tag:yaml.org,2002:', '!!'), node);
    if (isMap(node)) return this.mapping(node, pointer);
    if (isSeq(node)) return node.items.map((item, i) => this.read(item as Node | null, child(pointer, i)));
    return this.scalar(node as Scalar);
  }

  private refuseTag(tag: string, node: Node): void {
    const [start] = span(node);
    const written = /!\S*\s*(&\S+\s*)?$/.exec(this.text.slice(Math.max(0, start - LONGEST_TAG), start));
    const at = start - (written?.[0].length ?? 0);
    const range: Range = [at, written ? at + (/^\S+/.exec(written[0])?.[0].length ?? 1) : span(node)[1]];
    this.problems.push({
      code: 'yaml-tag',
      message: `recipes have no tags such as ${quote(tag)}`,
      hint: 'Remove it',
      range,
    });
  }

  private alias(alias: Alias, pointer: string): Json {
    if (!this.targets.has(alias)) this.targets.set(alias, this.anchors.get(alias.source));
    const target = this.targets.get(alias);
    if (target === undefined) {
      this.problem('unknown-anchor', `there is no anchor "&${alias.source}" above`, undefined, alias);
      return null;
    }
    if (this.path.includes(target)) {
      this.problem('alias-expansion', `the anchor "&${alias.source}" contains itself`, undefined, alias);
      return null;
    }
    const { key, value } = this.spots.get(pointer) as Spot;
    this.aliases++;
    const json = this.read(target, pointer, key);
    this.aliases--;
    this.spots.set(pointer, key ? { key, value } : { value });
    return json;
  }

  private mapping(map: YAMLMap, pointer: string): JsonObject {
    const object: JsonObject = {};
    const first = new Map<string, Range>();
    for (const pair of map.items) {
      const keyNode = pair.key as Node | null;
      if (!isScalar(keyNode)) {
        this.problem('bad-key', 'a key is a plain text', undefined, keyNode ?? map);
        continue;
      }
      const key = typeof keyNode.value === 'string' ? keyNode.value : (keyNode.source ?? String(keyNode.value));
      const range = span(keyNode);
      if (FORBIDDEN_KEYS.has(key)) {
        this.problems.push({ code: 'forbidden-key', message: `the key ${quote(key)} is not allowed`, range });
        continue;
      }
      const earlier = first.get(key);
      if (earlier) {
        this.problems.push({ code: 'duplicate-key', message: `the key ${quote(key)} is already given above`, range });
        continue;
      }
      first.set(key, range);
      object[key] = this.read(pair.value as Node | null, child(pointer, key), range);
    }
    return object;
  }

  private scalar(node: Scalar): Json {
    const { value, source } = node;
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) {
        this.problem('bad-number', `${source} is not a number that a recipe can hold`, undefined, node);
        return 0;
      }
      if (/^[-+]?\d+$/.test(source ?? '') && !Number.isSafeInteger(value)) {
        this.problem('bad-number', `the integer ${source} is too large to be exact`, 'Quote it if it is a text', node);
      }
    }
    return value as Json;
  }

  private problem(code: string, message: string, hint: string | undefined, node: Node): void {
    this.problems.push({ code, message, ...(hint ? { hint } : {}), range: span(node) });
  }

  /** Reports a problem after which nothing more is read. */
  private stop(code: string, message: string, hint: string | undefined, node: Node): null {
    this.problem(code, message, hint, node);
    this.stopped = true;
    return null;
  }
}

const CORE_TAGS: ReadonlySet<string> = new Set(
  ['map', 'seq', 'str', 'null', 'bool', 'int', 'float'].map((name) => `tag:yaml.org,2002:${name}`),
);

/** A node's own text, without the whitespace and comments after it. */
function span(node: Node): Range {
  const [start, end] = node.range as readonly [number, number, number];
  return [start, end];
}
