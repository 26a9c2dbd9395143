// The embedder's ends of standard streams whose other ends are on a kernel's thread: Node streams, with back-pressure both ways.
// What is written is copied once, since its owner may use it again; from then on buffers change hands.
import type { Readable, Writable } from 'node:stream';

type Done = (error?: Error | null) => void;

/** How an end reaches the other side. */
export interface StreamPort {
  data(bytes: ArrayBuffer): void;
  credit(bytes: number): void;
  shut(): void;
}

/** Standard input of a process. */
export class InputEnd {
  readonly stream: Writable;
  /** Of the piece under way. */
  #done: Done | undefined;
  #broken = false;

  constructor(port: StreamPort) {
    const { Writable } = process.getBuiltinModule('node:stream');
    const put = (bytes: ArrayBuffer, done: Done) => {
      if (this.#broken) return done(broken());
      if (bytes.byteLength === 0) return done();
      this.#done = done;
      port.data(bytes);
    };
    const shut = () => {
      if (!this.#broken) port.shut();
    };
    this.stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => put(copy([chunk]), done),
      writev: (chunks, done) => put(copy(chunks.map(({ chunk }) => chunk as Buffer)), done),
      final: (done) => {
        shut();
        done();
      },
      destroy: (error, done) => {
        shut();
        this.#settle(null);
        done(error);
      },
    });
  }

  /** There is room for another piece. */
  taken(): void {
    this.#settle(null);
  }

  /** Nobody reads any more. */
  shut(): void {
    this.#broken = true;
    this.#settle(broken());
  }

  #settle(error: Error | null): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(error);
  }
}

const broken = () => Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });

function copy(chunks: readonly Uint8Array[]): ArrayBuffer {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all.buffer;
}

/** Standard output or error of a process. */
export class OutputEnd {
  readonly stream: Readable;
  readonly #port: StreamPort;
  readonly #pieces: ArrayBuffer[] = [];
  /** Node asks for a piece. */
  #wanted = false;
  #over = false;

  constructor(port: StreamPort) {
    this.#port = port;
    const { Readable } = process.getBuiltinModule('node:stream');
    this.stream = new Readable({
      read: () => {
        this.#wanted = true;
        this.#push();
      },
      destroy: (error, done) => {
        if (!this.#over) port.shut();
        this.#pieces.length = 0;
        done(error);
      },
    });
  }

  data(bytes: ArrayBuffer): void {
    this.#pieces.push(bytes);
    this.#push();
  }

  /** Nothing more comes. */
  shut(): void {
    this.#over = true;
    this.#push();
  }

  #push(): void {
    if (!this.#wanted || this.stream.destroyed) return;
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#wanted = false;
      if (!this.#over) this.#port.credit(piece.byteLength);
      this.stream.push(Buffer.from(piece));
    } else if (this.#over) this.stream.push(null);
  }
}
