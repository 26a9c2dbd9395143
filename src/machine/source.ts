// Where a program comes from: a file, bytes, or one compiled before.
import fs from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LoadError } from '../runtime/loader.ts';
import { compileProgram, Program } from '../runtime/program.ts';
import { SuperosError } from './error.ts';

export type ProgramSource = string | URL | Uint8Array | ArrayBuffer | Program | WebAssembly.Module;

/** A file that is a program's text form. */
const WAT = /\.wat$/;

/** Throws SuperosError: not-found or not-runnable. */
export async function loadSource(source: ProgramSource): Promise<Program> {
  if (source instanceof Program) return source;
  if (source instanceof WebAssembly.Module) {
    throw new SuperosError('not-supported', 'a WebAssembly.Module does not give up its bytes, which the loader needs: pass the bytes, or what machine.compile(bytes) gives');
  }
  if (source instanceof Uint8Array) return compile('program', source);
  if (source instanceof ArrayBuffer) return compile('program', new Uint8Array(source));
  const path = source instanceof URL ? fileURLToPath(source) : source;
  const bytes = read(path);
  return compile(basename(path), WAT.test(path) ? await assemble(bytes, path) : bytes);
}

export function compile(name: string, bytes: Uint8Array): Program {
  try {
    return compileProgram(name, bytes);
  } catch (error) {
    if (error instanceof LoadError) throw new SuperosError('not-runnable', `${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

function read(path: string): Uint8Array {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new SuperosError('not-found', `there is no program ${path}`, { cause: error });
    throw new SuperosError('not-runnable', `${path} cannot be read: ${code}`, { cause: error });
  }
}

/** WebAssembly text to a module, by the text format's own tools; loaded only where it is needed. */
export async function assemble(text: Uint8Array, name: string): Promise<Uint8Array> {
  const { parse } = await import('@bytecodealliance/jco-transpile/wasm-tools');
  try {
    return await parse(new TextDecoder().decode(text));
  } catch (error) {
    const [line = ''] = String(error instanceof Error ? error.message : error).split('\n');
    throw new SuperosError('not-runnable', `${name}: ${line}`, { cause: error });
  }
}
