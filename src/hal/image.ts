// Images of memories as copies, for a host that cannot map them: what is not zero, in runs of blocks. Also says of any bytes
// where they are not zero, for whoever stores them sparsely.
import type { Image } from './mmu.ts';

/** Bytes `from` up to, not including, `to`. */
export interface Run {
  readonly from: number;
  readonly to: number;
}

const BLOCK_BYTES = 4096;

/** The runs of blocks that are not all zero, in order, none touching the next. The last may end within a block. */
export function* dataRuns(bytes: Uint8Array, blockBytes = BLOCK_BYTES): Generator<Run> {
  const words = bytes.byteOffset % 4 === 0 ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2) : undefined;
  let from = -1;
  for (let block = 0; block < bytes.length; block += blockBytes) {
    const end = Math.min(block + blockBytes, bytes.length);
    if (isZero(bytes, words, block, end)) {
      if (from >= 0) yield { from, to: block };
      from = -1;
    } else if (from < 0) from = block;
  }
  if (from >= 0) yield { from, to: bytes.length };
}

function isZero(bytes: Uint8Array, words: Int32Array | undefined, from: number, to: number): boolean {
  let at = from;
  if (words !== undefined) {
    const last = Math.floor(to / 4);
    for (let word = from / 4; word < last; word++) if (words[word] !== 0) return false;
    at = last * 4;
  }
  for (; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** An image that can be copied, whatever else can be done with it. */
export abstract class SealedImage implements Image {
  abstract readonly bytes: number;
  #held = true;

  /** Whether there is still something to load from. */
  get held(): boolean {
    return this.#held;
  }

  release(): void {
    if (!this.#held) throw new Error('an image is released twice');
    this.#held = false;
    this.released();
  }

  /** Over zeros. */
  abstract load(into: Uint8Array): void;

  /** Over whatever is there; past the image there are zeros. */
  abstract restore(into: Uint8Array): void;

  protected abstract released(): void;
}

/** Every driver's images are of this kind. */
export function sealed(image: Image): SealedImage {
  if (!(image instanceof SealedImage)) throw new TypeError('an image that no memory unit sealed');
  return image;
}

/** What can still be loaded. */
export function loadable(image: Image): SealedImage {
  const one = sealed(image);
  if (!one.held) throw new Error('a released image is loaded');
  return one;
}

export class CopiedImage extends SealedImage {
  readonly bytes: number;
  readonly #runs: { at: number; data: Uint8Array }[];
  readonly #released: () => void;

  constructor(source: Uint8Array, released: () => void = () => {}) {
    super();
    this.bytes = source.length;
    this.#runs = Array.from(dataRuns(source), ({ from, to }) => ({ at: from, data: source.slice(from, to) }));
    this.#released = released;
  }

  load(into: Uint8Array): void {
    for (const { at, data } of this.#runs) into.set(data, at);
  }

  restore(into: Uint8Array): void {
    let zeroFrom = 0;
    for (const { at, data } of this.#runs) {
      into.fill(0, zeroFrom, at);
      into.set(data, at);
      zeroFrom = at + data.length;
    }
    into.fill(0, zeroFrom);
  }

  protected override released(): void {
    this.#released();
  }
}
