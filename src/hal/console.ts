// The console: byte streams between the machine and whoever runs it. Reads and writes never wait; `ready` tells when to
// try again, so that no host operation ever points at guest memory while a process is suspended.
import type { Errno } from './errno.ts';

export interface Stream {
  /** What the other end is. A character device is one that never makes one wait, such as /dev/null. */
  readonly type: 'terminal' | 'character-device' | 'regular-file' | 'pipe' | 'socket';
  /** Bytes read, 0 at the end, AGAIN when there are none yet. */
  read(into: Uint8Array, at: number, length: number): number | Errno;
  /** Bytes written, AGAIN when there is no room, PIPE when nobody reads. */
  write(from: Uint8Array, at: number, length: number): number | Errno;
  /** Resolves when trying again makes sense; undefined when it does now. Never rejects. */
  ready(event: 'read' | 'write'): Promise<void> | undefined;
  close(): void;
}

export interface Console {
  readonly stdin: Stream;
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Columns and rows where an output is a terminal. */
  size(): { columns: number; rows: number } | undefined;
}
