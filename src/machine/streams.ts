// The ends of a process's standard streams that its embedder holds: Node streams over the kernel's pipes, with back-pressure
// both ways. Node's streams are loaded with the first: most programs of the command line have none.
import type { Readable, Writable } from 'node:stream';
import type { Capability } from '../caps/capability.ts';

/** What is written to it, the process reads. EPIPE once nobody reads any more. */
export function writable(end: Capability): Writable {
  const { object } = end;
  let open = true;
  const close = () => {
    end.drop();
    open = false;
  };
  async function put(bytes: Uint8Array): Promise<void> {
    for (let at = 0; open && at < bytes.length; ) {
      const written = object.write(bytes, at, bytes.length - at);
      if (typeof written === 'number') at += written;
      else if (written === 'AGAIN') await object.ready('write');
      else throw Object.assign(new Error(`write E${written}`), { code: `E${written}`, syscall: 'write' });
    }
  }
  const stream = process.getBuiltinModule('node:stream');
  return new stream.Writable({
    write(chunk: Buffer, _encoding, done) {
      put(chunk).then(() => done(), done);
    },
    final(done) {
      close();
      done();
    },
    destroy(error, done) {
      close();
      done(error);
    },
  });
}

/** What the process writes comes out of it. Bytes nobody asks for stay in the pipe, and hold the process up when it is full. */
export function readable(end: Capability): Readable {
  const { object } = end;
  let open = true;
  const close = () => {
    end.drop();
    open = false;
  };
  /** All that is there, each time that Node asks: it asks again when it has room, and not before it has got this. */
  async function pull(into: Readable): Promise<void> {
    while (open) {
      const held = object.available();
      const more = held > 0 ? undefined : object.ready('read');
      if (more !== undefined) {
        await more;
        continue;
      }
      // Not of the pool in which buffers lie side by side: another guest's output may be next to it.
      const chunk = Buffer.allocUnsafeSlow(held);
      const read = object.read(chunk, 0, held);
      if (read === 0 || typeof read === 'string') {
        close();
        into.push(null);
      } else into.push(chunk.subarray(0, read));
      return;
    }
  }
  const stream = process.getBuiltinModule('node:stream');
  return new stream.Readable({
    read() {
      pull(this).catch((error: Error) => this.destroy(error));
    },
    destroy(error, done) {
      close();
      done(error);
    },
  });
}
