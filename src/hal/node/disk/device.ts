// A host file without positions: a FIFO or a character device. Reads and writes never wait.
import fs from 'node:fs';
import type { Stream } from '../../console.ts';
import type { File, FileStat, FileType, NewTime } from '../../disk.ts';
import type { Errno } from '../../errno.ts';
import { nodeStream } from '../console.ts';
import type { At } from './at.ts';
import { attempt } from './errno.ts';

export class NodeDevice implements File {
  readonly kind = 'file';
  readonly type: FileType;
  readonly terminal: boolean;
  readonly #at: At;
  readonly #input: Stream | undefined;
  readonly #output: Stream | undefined;
  #fd: number;

  constructor(at: At, fd: number, type: FileType, access: number) {
    this.#at = at;
    this.#fd = fd;
    this.type = type;
    this.terminal = type === 'character-device' && process.getBuiltinModule('node:tty').isatty(fd);
    const stream = (direction: 'read' | 'write') => nodeStream(fd, direction, undefined, (one) => at.transfer(one));
    this.#input = access === fs.constants.O_WRONLY ? undefined : stream('read');
    this.#output = access === fs.constants.O_RDONLY ? undefined : stream('write');
  }

  read(into: Uint8Array, at: number, length: number): number | Errno {
    return this.#fd < 0 || this.#input === undefined ? 'BADF' : this.#input.read(into, at, length);
  }

  write(from: Uint8Array, at: number, length: number): number | Errno {
    return this.#fd < 0 || this.#output === undefined ? 'BADF' : this.#output.write(from, at, length);
  }

  ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#fd < 0 ? undefined : (event === 'read' ? this.#input : this.#output)?.ready(event);
  }

  stat(): FileStat | Errno {
    return this.#fd < 0 ? 'BADF' : this.#at.status(this.#fd);
  }

  setSize(): Errno {
    return this.#fd < 0 ? 'BADF' : 'INVAL';
  }

  setTimes(accessed: NewTime, modified: NewTime): Errno | undefined {
    return this.#fd < 0 ? 'BADF' : this.#at.setTimes(this.#fd, accessed, modified);
  }

  allocate(): Errno {
    return this.#fd < 0 ? 'BADF' : 'NODEV';
  }

  advise(): Errno {
    return this.#fd < 0 ? 'BADF' : 'SPIPE';
  }

  sync(dataOnly: boolean): Errno | undefined {
    if (this.#fd < 0) return 'BADF';
    return attempt(() => (dataOnly ? fs.fdatasyncSync(this.#fd) : fs.fsyncSync(this.#fd)));
  }

  /** Nothing here appends or is cached, and no operation waits. */
  setFlags(): Errno | undefined {
    return this.#fd < 0 ? 'BADF' : undefined;
  }

  setMode(): Errno {
    return this.#fd < 0 ? 'BADF' : 'PERM';
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#input?.close();
    this.#output?.close();
    this.#at.close(this.#fd);
    this.#fd = -1;
  }
}
