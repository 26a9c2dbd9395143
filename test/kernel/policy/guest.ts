// A guest whose calls the test makes: a reactor that exports each system call under its own name.
import type { Process } from '../../../src/kernel/process.ts';
import type { Program } from '../../../src/runtime/program.ts';
import { signature } from '../../../src/syscalls/dispatch.ts';
import { ERRNO } from '../../../src/syscalls/errno.ts';
import { type CallName, TABLE } from '../../../src/syscalls/table.ts';
import { program } from '../machine.ts';

/** Exports the calls named, and `grow` for memory.grow. */
export function exporting(...names: readonly CallName[]): Promise<Program> {
  const types = names.map((name) => ({ name, abi: TABLE[name].abi, called: TABLE[name].name, ...signature(TABLE[name]) }));
  const list = (what: string, of: readonly string[]) => (of.length === 0 ? '' : `(${what} ${of.join(' ')})`);
  return program(`
    ${types.map(({ name, abi, called, params, results }) => `(import "${abi}" "${called}" (func $${name} ${list('param', params)} ${list('result', results)}))`).join('\n')}
    (memory (export "memory") 1 100)
    ${types
      .map(
        ({ name, params, results }) => `(func (export "${name}") ${list('param', params)} ${list('result', results)}
          ${params.map((_, i) => `local.get ${i}`).join(' ')} call $${name})`,
      )
      .join('\n')}
    (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)`);
}

const NAMES = new Map(Object.entries(ERRNO).map(([name, number]) => [number, name]));

export class Guest {
  readonly process: Process;
  /** Where the next bytes go. */
  #at = 1024;

  constructor(process: Process) {
    this.process = process;
  }

  /** Where `text` is from now on, and how many bytes. */
  put(text: string): readonly [address: number, length: number] {
    const bytes = new TextEncoder().encode(text);
    const at = this.#at;
    this.process.memory.bytes.set(bytes, at);
    this.#at = (at + bytes.length + 8) & ~7;
    return [at, bytes.length];
  }

  /** Where there is room for a result. */
  room(bytes = 64): number {
    const at = this.#at;
    this.#at += (bytes + 7) & ~7;
    return at;
  }

  async number(name: string, ...args: readonly (number | bigint)[]): Promise<number> {
    return Number((await this.process.call({ name, args }))[0]);
  }

  /** The errno's name; SUCCESS is `''`. */
  async call(name: CallName, ...args: readonly (number | bigint)[]): Promise<string> {
    const errno = await this.number(name, ...args);
    return errno === 0 ? '' : (NAMES.get(errno) ?? String(errno));
  }

  /** Opens beneath a descriptor: the new descriptor, or the errno's name. */
  async open(fd: number, path: string, { oflags = 0, rights = 2n, follow = 1, inheriting = 0n } = {}): Promise<number | string> {
    const out = this.room();
    const failed = await this.call('path_open', fd, follow, ...this.put(path), oflags, rights, inheriting, 0, out);
    return failed === '' ? this.process.memory.getU32(out) : failed;
  }

  /** Writes `text` to a descriptor. */
  async write(fd: number, text: string): Promise<string> {
    const [at, length] = this.put(text);
    const list = this.room();
    this.process.memory.setU32(list, at);
    this.process.memory.setU32(list + 4, length);
    return this.call('fd_write', fd, list, 1, this.room());
  }
}
