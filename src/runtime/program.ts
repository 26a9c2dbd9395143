// A program: a rewritten, compiled module with its layout, made from bytes or taken from the code cache. Nothing here runs guest code.
// The loader itself is loaded for the first program that the cache does not have.

import type { CachedCode, CodeCache, ProgramSource } from '../hal/cache.ts';
import type { Engine } from '../hal/engine.ts';
import { LoadError } from './errors.ts';
import type { Layout } from './layout.ts';
import type { LoadOptions } from './plan.ts';
import type { Snapshot } from './snapshot.ts';
import { LOADER_VERSION } from './version.ts';

/** How far a program was run: what a template is made of. Plain data, which threads can share. */
export interface Sealed {
  /** The bytes of each memory. */
  readonly memories: readonly Uint8Array[];
  readonly state: Snapshot;
}

export interface Program {
  readonly name: string;
  readonly module: WebAssembly.Module;
  readonly layout: Layout;
  /** SHA-256 of the original bytes in hexadecimal; undefined where no cache computed it. */
  readonly hash: string | undefined;
  /** Where processes begin, if not at its start. */
  readonly sealed?: Sealed;
}

const NAMELESS = 'wasm';

/** Compiles rewritten bytes; undefined where V8 refuses them. */
function compile(bytes: Uint8Array): WebAssembly.Module | WebAssembly.CompileError {
  try {
    return new WebAssembly.Module(bytes as BufferSource);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return error;
    throw error;
  }
}

function fromCache(name: string, code: CachedCode | undefined): Program | undefined {
  if (code === undefined) return undefined;
  const module = compile(code.bytes);
  return module instanceof WebAssembly.Module
    ? { name, module, layout: JSON.parse(code.layout) as Layout, hash: code.hash }
    : undefined;
}

/** Reads, rewrites and compiles a program, or takes it from `cache`. Rejects with LoadError, and what `source.read` throws. */
export async function loadProgram(
  source: Uint8Array | ProgramSource,
  cache?: CodeCache,
  options: LoadOptions = {},
): Promise<Program> {
  const file = source instanceof Uint8Array ? undefined : source;
  const name = file?.name ?? NAMELESS;
  const variant = `${LOADER_VERSION} ${JSON.stringify(options)}`;
  const identity = file?.identity();
  const known = identity === undefined ? undefined : fromCache(name, cache?.findByIdentity(identity, variant));
  if (known) return known;

  // Nobody else has a turn between the bytes' digest and the end: their owner may change them.
  const { load, verdict } = await import('./loader.ts');
  const original = source instanceof Uint8Array ? source : source.read();
  const hash = cache?.digest(original);
  // Only what was read from a file that stayed the same meanwhile may be found by its identity.
  const remember = () => {
    if (cache && hash !== undefined && identity !== undefined && file?.identity() === identity)
      cache.remember(identity, variant, hash);
  };
  const same = hash === undefined ? undefined : fromCache(name, cache?.findByHash(hash, variant));
  if (same) {
    remember();
    return same;
  }

  const { bytes, layout } = load(original, options);
  const module = compile(bytes);
  if (!(module instanceof WebAssembly.Module)) {
    // V8's verdict does not see everything that its compiler refuses: the two kinds of exceptions in one module.
    const unchanged = compile(original);
    if (!(unchanged instanceof WebAssembly.Module)) throw new LoadError('invalid-module', verdict(unchanged));
    throw new LoadError('too-large', `the module exceeds a limit of V8 once rewritten: ${module.message}`);
  }
  if (cache && hash !== undefined) {
    cache.store({ hash, layout: JSON.stringify(layout), bytes }, variant);
    remember();
  }
  return { name, module, layout, hash };
}

/** Programs of one machine: those still in use are shared by all who load the same file again. */
export class Programs {
  readonly #engine: Engine;
  readonly #cache: CodeCache | undefined;
  readonly #alive = new Map<string, WeakRef<Program>>();
  readonly #loading = new Map<string, Promise<Program>>();

  constructor(engine: Engine, cache?: CodeCache) {
    this.#engine = engine;
    this.#cache = cache;
  }

  /** As `loadProgram`. */
  async load(source: Uint8Array | ProgramSource, asked: LoadOptions = {}): Promise<Program> {
    const options = this.#engine.storesTrap ? asked : { ...asked, probeStores: true };
    // Bytes may be changed by their owner, so only files are remembered.
    const identity = source instanceof Uint8Array ? undefined : source.identity();
    if (source instanceof Uint8Array || identity === undefined) return loadProgram(source, this.#cache, options);
    const key = `${JSON.stringify(options)} ${identity}`;
    const program =
      this.#alive.get(key)?.deref() ?? (await (this.#loading.get(key) ?? this.#load(source, options, identity, key)));
    return program.name === source.name ? program : { ...program, name: source.name };
  }

  /** Whoever asks for the same meanwhile waits with this one. */
  #load(source: ProgramSource, options: LoadOptions, identity: string, key: string): Promise<Program> {
    const loading = loadProgram(source, this.#cache, options)
      .then((program) => {
        for (const [other, reference] of this.#alive) if (reference.deref() === undefined) this.#alive.delete(other);
        if (source.identity() === identity) this.#alive.set(key, new WeakRef(program));
        return program;
      })
      .finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }
}
