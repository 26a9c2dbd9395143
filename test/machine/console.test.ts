// Streams that are inherited: what a machine opened of its host's is closed with it, and nothing keeps the host from exiting.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { CPUS } from './guests.ts';

const INDEX = new URL('../../src/index.ts', import.meta.url);
const reader = new URL('../../guests/bin/reader.wasm', import.meta.url);
const hello = new URL('../../guests/bin/hello.wasm', import.meta.url);

/** Runs a program of the host's whose standard streams are pipes that stay open; what it wrote to standard error. */
async function host(code: string): Promise<string> {
  const program = `import fs from 'node:fs'; import { Machine } from '${INDEX}'; ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'pipe' });
  child.stdout.resume();
  const [said] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return said;
}

describe.each(CPUS)('cpus: %i', (cpus) => {
  test('a host whose process waited for input when it was killed exits by itself', async () => {
    const said = await host(`
    const machine = await Machine.boot({ cpus: ${cpus} });
    const child = await machine.process(new URL('${reader}')).stdio('inherit').spawn();
    while (child.info().state !== 'blocked') await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGKILL');
    const { reason } = await child.wait();
    await machine[Symbol.asyncDispose]();
    fs.writeSync(2, reason);`);
    expect(said).toBe('signal');
  });

  test('machines that are gone leave no descriptor', async () => {
    const said = await host(`
    const open = () => fs.readdirSync('/proc/self/fd').length;
    const run = async () => {
      await using machine = await Machine.boot({ cpus: ${cpus} });
      await machine.process(new URL('${hello}')).stdio('inherit').run();
    };
    // The thread that ticks stays for as long as the host does, and is started when it is needed.
    await (await Machine.boot({ cpus: 1 }))[Symbol.asyncDispose]();
    await run();
    const before = open();
    for (let i = 0; i < 20; i++) await run();
    fs.writeSync(2, String(open() - before));
    process.exit();`);
    expect(said).toBe('0');
  });

  const python = spawnSync('python3', ['--version']).status === 0;

  test.runIf(python)('the terminal by name is for a process that reads and writes it anyway', () => {
    const opener = `(module
    (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 0) "tty")
    (func (export "f") (result i32)
      (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8))))`;
    const code = `import { Machine } from '${INDEX}';
    import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
    await using machine = await Machine.boot({ cpus: ${cpus} });
    const module = await parse(${JSON.stringify(opener)});
    for (const stdio of [['null', 'null', 'inherit'], ['null', 'inherit', 'inherit'], ['inherit', 'pipe', 'inherit'], ['inherit']]) {
      const { results } = await machine.process(module).stdio(...stdio).capabilities(['dev']).invoke('f').run();
      console.log(String(results));
    }`;
    const terminal = new URL('../e2e/terminal.py', import.meta.url).pathname;
    const { stdout } = spawnSync('python3', [terminal, '[]', process.execPath, '--input-type=module', '-e', code], {
      encoding: 'utf8',
    });
    const NOENT = '44';
    expect((JSON.parse(stdout) as { output: string }).output.trim().split(/\s+/)).toEqual([NOENT, NOENT, NOENT, '0']);
  });
});
