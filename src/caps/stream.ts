// An end of a byte stream: the console's, as a descriptor of a process.
import type { Stream } from '../hal/console.ts';
import type { Errno } from '../hal/errno.ts';
import { Description } from './object.ts';

export class OpenStream extends Description {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    super(stream.type === 'character-device' || stream.type === 'regular-file' ? stream.type : 'unknown');
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
