// An end of a byte stream: the console's, as a descriptor of a process.
import type { Stream } from '../hal/console.ts';
import type { FileType } from '../hal/disk.ts';
import type { Errno } from '../hal/errno.ts';
import { Description } from './object.ts';

const FILE_TYPES: Readonly<Record<Stream['type'], FileType>> = {
  terminal: 'character-device',
  'character-device': 'character-device',
  'regular-file': 'regular-file',
  pipe: 'unknown',
  socket: 'unknown',
};

export class OpenStream extends Description {
  readonly kind = 'console';
  readonly #stream: Stream;

  constructor(stream: Stream) {
    super(FILE_TYPES[stream.type], 'output');
    this.#stream = stream;
  }

  override read(into: Uint8Array, at: number, length: number): number | Errno {
    return this.#stream.read(into, at, length);
  }
  override write(from: Uint8Array, at: number, length: number): number | Errno {
    return this.#stream.write(from, at, length);
  }
  override ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#stream.ready(event);
  }
  override available(): number {
    return this.#stream.ready('read') === undefined ? 1 : 0;
  }
  override sync(): Errno | undefined {
    return this.type === 'regular-file' ? undefined : 'INVAL';
  }

  protected override destroy(): void {
    this.#stream.close();
  }
}
