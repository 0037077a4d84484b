import { closeSync, openSync, readSync } from 'node:fs';
import { StepFailure } from '../../util/failure.js';
import { ELEMENT_BYTES, type ElementType, readLayout } from '../../util/safetensors.js';
import { countsOf, type Section, type Signal, sectionsOf } from './signal.js';

/** An array of the numbers of a section; float16 as bits. */
export type Numbers = Float32Array | Int32Array | Uint16Array | Uint8Array;

const ARRAYS = { F32: Float32Array, I32: Int32Array, F16: Uint16Array, U16: Uint16Array, U8: Uint8Array } as const;

/** A section, and where it begins in the file. */
interface Placed extends Section {
  readonly from: number;
}

/** What a section has numbers of, rows aside. */
type Counted = Exclude<Section['per'], 'row'>;

/** A shard's rows by position: a read is of exactly a row's bytes. */
export class ShardFile {
  private descriptor: number | undefined;

  private constructor(
    private readonly path: string,
    readonly rows: number,
    private readonly sections: ReadonlyMap<string, Placed>,
    /** Of each kind that a section has, how many there are in the rows before each: [rows + 1]. */
    private readonly before: ReadonlyMap<Counted, Float64Array>,
  ) {}

  /**
   * Reads what is needed to find rows: the header, and how many tokens each row has.
   * @throws StepFailure if it is no shard of such a signal
   */
  static open(path: string, signal: Signal): ShardFile {
    const descriptor = openSync(path, 'r');
    try {
      const { places } = readLayout(path, descriptor);
      const rows = places.get('id')?.shape[0];
      const sections = new Map<string, Placed>();
      for (const section of sectionsOf(signal)) {
        const place = places.get(section.name);
        if (place?.dtype !== section.dtype || rows === undefined) {
          throw new StepFailure('damaged-shard', `${path} has no tensor "${section.name}" of type ${section.dtype}`);
        }
        sections.set(section.name, { ...section, from: place.from });
      }
      const count = rows as number;
      const column = (name: string): Numbers | undefined => {
        const section = sections.get(name);
        return section && readNumbers(descriptor, path, section.dtype, section.from, count);
      };
      const [tokens, draws] = [column('tokens'), column('sampled.draws')];
      const kinds = new Set([...sections.values()].map(({ per }) => per));
      const before = new Map<Counted, Float64Array>();
      for (const kind of kinds) if (kind !== 'row') before.set(kind, new Float64Array(count + 1));
      for (let row = 0; row < count; row++) {
        const counts = countsOf(signal, tokens?.[row] ?? 0, draws?.[row] ?? 0);
        for (const [kind, sums] of before) sums[row + 1] = (sums[row] as number) + counts[kind];
      }
      return new ShardFile(path, count, sections, before);
    } finally {
      closeSync(descriptor);
    }
  }

  /** What a section has for a row. Throws (a bug) if there is no such section. */
  read(name: string, row: number): Numbers {
    const { dtype, per, width, from } = this.section(name);
    const first = this.countBefore(per, row);
    const count = this.countBefore(per, row + 1) - first;
    return this.numbers(dtype, from + ELEMENT_BYTES[dtype] * width * first, width * count);
  }

  /** A section of all rows. */
  readAll(name: string): Numbers {
    const { dtype, per, width, from } = this.section(name);
    return this.numbers(dtype, from, width * this.countBefore(per, this.rows));
  }

  /** May be read again afterwards. */
  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private numbers(dtype: ElementType, position: number, count: number): Numbers {
    this.descriptor ??= openSync(this.path, 'r');
    return readNumbers(this.descriptor, this.path, dtype, position, count);
  }

  private countBefore(per: Section['per'], row: number): number {
    return per === 'row' ? row : (this.before.get(per)?.[row] as number);
  }

  private section(name: string): Placed {
    const section = this.sections.get(name);
    if (section === undefined) throw new Error(`a shard of this cache has no tensor "${name}"`);
    return section;
  }
}

function readNumbers(descriptor: number, path: string, dtype: ElementType, position: number, count: number): Numbers {
  const data = new ARRAYS[dtype as keyof typeof ARRAYS](count);
  const bytes = new Uint8Array(data.buffer);
  for (let done = 0; done < bytes.length; ) {
    // A read of 2 GiB or more is refused by the system.
    const read = readSync(descriptor, bytes, done, Math.min(bytes.length - done, 1 << 30), position + done);
    if (read === 0) throw new StepFailure('damaged-shard', `${path} is cut off`);
    done += read;
  }
  return data;
}
