// Where a program comes from: a file, bytes, or one compiled before.
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CodeCache } from '../hal/cache.ts';
import { engine } from '../hal/node/engine.ts';
import { fileSource } from '../hal/node/program-file.ts';
import { LoadError } from '../runtime/errors.ts';
import { isBinary } from '../runtime/magic.ts';
import type { LoadOptions } from '../runtime/plan.ts';
import { type Program, Programs } from '../runtime/program.ts';
import { SuperosError } from './error.ts';

export type ProgramSource = string | URL | Uint8Array | ArrayBuffer | Program | WebAssembly.Module;

/** One that was loaded before: nothing is to be waited for. */
export const isLoaded = (source: ProgramSource): source is Program =>
  typeof source === 'object' && source !== null && 'layout' in source;

/** A file that holds a program's text form. */
const WAT = /\.wat$/;
/** One that holds a template. */
const TEMPLATE = /\.tpl$/;

/** What makes programs of what the embedder names, wherever that is done. */
export interface ProgramLoader {
  /** Rejects with SuperosError: not-found or not-runnable. `name` is for a program that has none. */
  load(source: ProgramSource, options: LoadOptions, name?: string): Promise<Program>;
  close(): Promise<void>;
}

/** Loads on the thread of who asks. */
export class PlaceLoader implements ProgramLoader {
  readonly #programs: Programs;

  constructor(cache: CodeCache | undefined) {
    this.#programs = new Programs(engine, cache);
  }

  load(source: ProgramSource, options: LoadOptions, name?: string): Promise<Program> {
    return loadSource(source, this.#programs, options, name);
  }

  async close(): Promise<void> {}
}

export const refuseModule = () =>
  new SuperosError(
    'not-supported',
    'a WebAssembly.Module does not give up its bytes, which the loader needs: pass the bytes, or what machine.compile(bytes) gives',
  );

/** Throws SuperosError: not-found or not-runnable. */
export async function loadSource(
  source: ProgramSource,
  programs: Programs,
  options: LoadOptions = {},
  name = 'program',
): Promise<Program> {
  if (isLoaded(source)) return source;
  if (source instanceof WebAssembly.Module) throw refuseModule();
  if (source instanceof Uint8Array) return compile(name, source, programs, options);
  if (source instanceof ArrayBuffer) return compile(name, new Uint8Array(source), programs, options);
  const path = source instanceof URL ? fileURLToPath(source) : source;
  const file = fileSource(path);
  try {
    const text = WAT.test(path);
    if (!text && !TEMPLATE.test(path)) return await attempt(file.name, path, () => programs.load(file, options));
    const bytes = await attempt(file.name, path, () => file.read());
    return await compile(basename(path), text ? await assemble(bytes, path) : bytes, programs, options);
  } finally {
    file.close();
  }
}

/** As `loadSource`. */
export async function compile(name: string, bytes: Uint8Array, programs: Programs, options: LoadOptions = {}): Promise<Program> {
  if (!isBinary(bytes)) {
    const { decodeTemplate, isTemplateFile } = await import('./template-file.ts');
    if (isTemplateFile(bytes))
      return decodeTemplate(bytes, name, (own, original) => compile(own, original, programs, { snapshot: true }));
  }
  return attempt(name, name, () => programs.load({ name, identity: () => undefined, read: () => bytes }, options));
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  EFBIG: 'it is larger than 1 GiB, as no module can be',
};

async function attempt<T>(name: string, path: string, action: () => T): Promise<Awaited<T>> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof LoadError) {
      const what = error.code === 'invalid-module' ? 'no valid WebAssembly module: ' : '';
      throw new SuperosError('not-runnable', `${name}: ${what}${error.message}`, { cause: error });
    }
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new SuperosError('not-found', `there is no program ${path}`, { cause: error });
    if (code === undefined) throw error;
    throw new SuperosError('not-runnable', `${path} cannot be read: ${REASONS[code] ?? code}`, { cause: error });
  }
}

/** WebAssembly text to a module, by the text format's own tools; loaded only where it is needed. */
export async function assemble(text: Uint8Array, name: string): Promise<Uint8Array> {
  const { parse } = await import('@bytecodealliance/jco-transpile/wasm-tools');
  try {
    return await parse(new TextDecoder().decode(text));
  } catch (error) {
    throw new SuperosError('not-runnable', `${name}${whereAndWhy(String(error))}`, { cause: error });
  }
}

/** The parser's errors come as Rust prints a structure for its programmers; lines and columns count from 0. */
function whereAndWhy(error: string): string {
  const [, line, column] = /line: (\d+), col: (\d+)/.exec(error) ?? [];
  const [, custom, other] = /.*kind: (?:Custom\("(.*)"\)|\w+\((\w+).*) \} \}\) \}$/s.exec(error) ?? [];
  const what = custom?.replaceAll(/\\(.)/g, '$1') ?? other ?? 'this is no WebAssembly text';
  return line === undefined ? `: ${what}` : `:${Number(line) + 1}:${Number(column) + 1}: ${what}`;
}
