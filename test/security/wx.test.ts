// W^X: what a process can write it cannot run. A program is loaded when it is granted, by whoever grants it: a file that changes
// afterwards changes nothing, and a file that a process made is no program to it, whatever rights it has on the file.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DiskCache } from '../../src/hal/node/cache.ts';
import { type ChildProcess, Machine } from '../../src/index.ts';
import { CPUS, temporaryTree, WASI, wat } from '../machine/guests.ts';

const NOTCAPABLE = 76;
/** Exits with a number. */
const exits = (code: number): Promise<Uint8Array> =>
  wat(`${WASI('proc_exit')} (memory (export "memory") 1) (func (export "_start") (call $proc_exit (i32.const ${code})))`);
/** Starts a program by the path or name in its data; gives the errno, or else minus the exit status of the child. */
const starter = (name: string): Promise<Uint8Array> =>
  wat(`(import "host_process" "proc_spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "host_process" "proc_waitpid" (func $wait (param i32 i32 i32) (result i32)))
    ${WASI('path_open', 'fd_write', 'fd_close')}
    (memory (export "memory") 1) (data (i32.const 0) "${name}\\00") (data (i32.const 512) "made") (data (i32.const 600) "\\00\\02\\00\\00\\04\\00\\00\\00")
    (func (export "start") (result i32) (local i32)
      (local.set 0 (call $spawn (i32.const 0) (i32.const ${name.length + 1}) (i32.const 0) (i32.const 0)
        (i32.const -1) (i32.const -1) (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 256)))
      (if (local.get 0) (then (return (local.get 0))))
      (drop (call $wait (i32.load (i32.const 256)) (i32.const 0) (i32.const 260)))
      (i32.sub (i32.const 0) (i32.shr_u (i32.load (i32.const 260)) (i32.const 8))))
    (func (export "write") (result i32)
      (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 512) (i32.const 4) (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 300)))
      (call $fd_write (i32.load (i32.const 300)) (i32.const 600) (i32.const 1) (i32.const 304)))`);

describe.each(CPUS)('%i threads', (cpus) => {
  let machine: Machine;
  const cached = temporaryTree();
  beforeAll(async () => {
    machine = await Machine.boot({ cpus, cache: new DiskCache({ directory: cached.path }) });
  });
  afterAll(async () => {
    await machine[Symbol.asyncDispose]();
    cached[Symbol.dispose]();
  });

  const start = async (name: string, grants: readonly string[]): Promise<ChildProcess> =>
    machine
      .process(await starter(name))
      .capabilities(grants)
      .reactor()
      .spawn();
  const call = async (child: ChildProcess, name: string): Promise<unknown> => (await child.call(name))[0];

  test('a program whose file is changed after the grant runs as it was', async () => {
    using tree = temporaryTree();
    const file = path.join(tree.path, 'app.wasm');
    fs.writeFileSync(file, await exits(3));
    await using child = await start('app', [`dir:${tree.path}:/data`, `program:${file}`]);
    expect(await call(child, 'start')).toBe(-3);
    const sha256 = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    fs.writeFileSync(file, await exits(9));
    expect(await child.capabilities()).toContainEqual(expect.objectContaining({ kind: 'program', sha256 }));
    expect(await call(child, 'start')).toBe(-3);
    fs.rmSync(file);
    expect(await call(child, 'start')).toBe(-3);
  });

  test('a new grant of the file is of what it holds then', async () => {
    using tree = temporaryTree();
    const file = path.join(tree.path, 'app.wasm');
    for (const code of [3, 9]) {
      fs.writeFileSync(file, await exits(code));
      await using child = await start('app', [`program:${file}`]);
      expect(await call(child, 'start')).toBe(-code);
    }
  });

  test('a file that the process can write, or made, is no program to it', async () => {
    using tree = temporaryTree();
    fs.writeFileSync(path.join(tree.path, 'app.wasm'), await exits(3));
    for (const name of ['/data/app.wasm', 'app.wasm', 'app', 'made', path.join(tree.path, 'app.wasm')]) {
      await using child = await start(name, [`dir:${tree.path}:/data`]);
      expect(await call(child, 'write')).toBe(0);
      expect(fs.readFileSync(path.join(tree.path, 'made'), 'utf8')).toBe('made');
      expect(await call(child, 'start')).toBe(NOTCAPABLE);
    }
  });
});
