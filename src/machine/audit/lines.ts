// The lines of a file, read in pieces, and the last of them. A log may be larger than memory; a line of one may not.
import fs from 'node:fs';
import { LINE_BYTES_MAX } from './chain.ts';

const CHUNK_BYTES = 65_536;
const NEWLINE = 10;

export interface Line {
  readonly bytes: Buffer;
  /** Whether a newline ends it. */
  readonly whole: boolean;
}

/** Each line without its end; one that is longer than a record can be comes in pieces that are not whole. */
export function* lines(fd: number): Generator<Line> {
  let rest = Buffer.alloc(0);
  for (let at = 0; ; ) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const got = fs.readSync(fd, chunk, 0, CHUNK_BYTES, at);
    if (got === 0) break;
    at += got;
    rest = rest.length === 0 ? chunk.subarray(0, got) : Buffer.concat([rest, chunk.subarray(0, got)]);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      yield { bytes: rest.subarray(0, end), whole: true };
      rest = rest.subarray(end + 1);
    }
    if (rest.length > LINE_BYTES_MAX) {
      yield { bytes: rest, whole: false };
      rest = Buffer.alloc(0);
    }
  }
  if (rest.length > 0) yield { bytes: rest, whole: false };
}

export interface Tail {
  /** The last line that has an end, without it; undefined where none has. */
  readonly last: Buffer | undefined;
  /** What follows it. */
  readonly rest: Buffer;
}

/** The end of a file of `size` bytes; undefined where what is there is too long for a record. */
export function tail(fd: number, size: number): Tail | undefined {
  const bytes = Buffer.alloc(Math.min(size, 2 * LINE_BYTES_MAX));
  const start = size - bytes.length;
  for (let at = 0; at < bytes.length; ) {
    const got = fs.readSync(fd, bytes, at, bytes.length - at, start + at);
    if (got === 0) return undefined;
    at += got;
  }
  const end = bytes.lastIndexOf(NEWLINE);
  const rest = bytes.subarray(end + 1);
  if (end < 0) return start === 0 ? { last: undefined, rest } : undefined;
  const before = end === 0 ? -1 : bytes.lastIndexOf(NEWLINE, end - 1);
  if (before < 0 && start > 0) return undefined;
  return { last: bytes.subarray(before + 1, end), rest };
}
