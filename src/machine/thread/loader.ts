// The loader on a thread of its own, from its inside: reads, rewrites and compiles programs, and gives them to the machine.
import { DiskCache } from '../../hal/node/cache.ts';
import { engine } from '../../hal/node/engine.ts';
import { Programs } from '../../runtime/program.ts';
import { SuperosError } from '../error.ts';
import { loadSource } from '../source.ts';
import type { FromLoader, LoaderStart, ToLoader } from './protocol.ts';

export class ThreadLoader {
  readonly #send: (message: FromLoader) => void;
  readonly #programs: Programs;

  constructor({ cache }: LoaderStart, send: (message: FromLoader) => void) {
    this.#send = send;
    this.#programs = new Programs(engine, cache === undefined ? undefined : new DiskCache({ directory: cache }));
  }

  async receive({ request, name, source, options }: ToLoader): Promise<void> {
    try {
      const program = await loadSource('path' in source ? source.path : source.bytes, this.#programs, options, name);
      this.#send({ request, program });
    } catch (error) {
      if (error instanceof SuperosError) this.#send({ request, code: error.code, message: error.message });
      else this.#send({ request, bug: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
}
