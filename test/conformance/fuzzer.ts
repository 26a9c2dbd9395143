// Binaryen's fuzzer (`wasm-opt --translate-to-fuzz`), run many times in one process: the package's command is a script around one
// WebAssembly module, which is compiled once and instantiated for each program.
import nodeFs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** The proposals that V8 has by default. */
const FEATURES = [
  'mutable-globals',
  'nontrapping-float-to-int',
  'sign-ext',
  'bulk-memory',
  'bulk-memory-opt',
  'simd',
  'relaxed-simd',
  'exception-handling',
  'tail-call',
  'reference-types',
  'multivalue',
  'gc',
  'extended-const',
  'multimemory',
  'threads',
].map((name) => `--enable-${name}`);

const SCRIPT = require.resolve('binaryen/bin/wasm-opt');

type Script = (module: object, process: object, wasm: object, dirname: string, require: (name: string) => unknown) => void;

export class Fuzzer implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'superos-fuzz-'));
  readonly #script: Script;
  #compiled: WebAssembly.Module | undefined;

  constructor() {
    const text = readFileSync(SCRIPT, 'utf8').replace(/^#!.*\n/, '');
    this.#script = new Function('Module', 'process', 'WebAssembly', '__dirname', 'require', text) as Script;
  }

  /** A valid module made of `seed`, any bytes. Not for use by two at once. */
  async generate(seed: Uint8Array, flags: readonly string[] = []): Promise<Uint8Array> {
    const [input, output] = [join(this.#directory, 'in'), join(this.#directory, 'out')];
    writeFileSync(input, seed);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const complaints: string[] = [];
    // It warns through the file system, where nobody reads.
    const fs = {
      ...nodeFs,
      writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position?: number) =>
        fd === 2 ? length : nodeFs.writeSync(fd, bytes, offset, length, position),
    };
    const module = {
      printErr: (line: string) => complaints.push(line),
      postRun: () =>
        process.exitCode === 0 ? resolve() : reject(new Error(`wasm-opt: exit code ${process.exitCode}: ${complaints.join()}`)),
      onAbort: (why: unknown) => reject(new Error(`wasm-opt: ${why}: ${complaints.join()}`)),
      ...(this.#compiled && {
        instantiateWasm: (imports: WebAssembly.Imports, take: (made: WebAssembly.Instance) => void) => {
          take(new WebAssembly.Instance(this.#compiled!, imports));
        },
      }),
    };
    const argv = ['node', 'wasm-opt', '--translate-to-fuzz', input, '--output', output, '--quiet', ...FEATURES, ...flags];
    // The script ends its process by setting the code.
    const process = Object.create(globalThis.process, { argv: { value: argv }, exitCode: { value: undefined, writable: true } });
    const wasm = {
      ...WebAssembly,
      RuntimeError: WebAssembly.RuntimeError,
      instantiate: async (bytes: BufferSource, imports: WebAssembly.Imports) => {
        this.#compiled = new WebAssembly.Module(bytes);
        return { module: this.#compiled, instance: new WebAssembly.Instance(this.#compiled, imports) };
      },
    };
    this.#script(module, process, wasm, dirname(SCRIPT), (name: string) => (name === 'node:fs' ? fs : require(name)));
    await promise;
    return readFileSync(output);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
