// SECURITY.md 21, modules that are made to be slow to compile: what is too large is refused before V8 sees it, with a clear error and
// exit status 126; what is not is compiled in bounded time, off the embedder's thread where the machine has threads.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { CODE_BYTES_MAX, FUNCTIONS_MAX, MODULE_BYTES_MAX } from '../../src/runtime/bounds.ts';
import { Section } from '../../src/runtime/module.ts';
import { loadProgram } from '../../src/runtime/program.ts';
import { Writer } from '../../src/runtime/writer.ts';

const HEADER = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const END = 0x0b;

/** A module of functions without parameters and results, all with this body. */
function module(functions: number, code: (body: Writer) => void): Uint8Array {
  const body = new Writer();
  code(body);
  const declared = new Writer(functions + 8).u32(functions);
  const bodies = new Writer(functions * (body.length + 2) + 8).u32(functions);
  for (let i = 0; i < functions; i++) {
    declared.u8(0);
    bodies.sized(body);
  }
  return new Writer()
    .raw(HEADER)
    .u8(Section.type)
    .sized(new Writer().u32(1).u8(0x60).u32(0).u32(0))
    .u8(Section.function)
    .sized(declared)
    .u8(Section.code)
    .sized(bodies)
    .result();
}

const repeated =
  (count: number, ...bytes: readonly number[]) =>
  (body: Writer) => {
    const one = Uint8Array.from(bytes);
    body.u32(0);
    for (let i = 0; i < count; i++) body.raw(one);
    body.u8(END);
  };

const nested = (opcode: number, depth: number) => (body: Writer) => {
  body.u32(0);
  for (let i = 0; i < depth; i++) body.u8(opcode).u8(0x40);
  for (let i = 0; i <= depth; i++) body.u8(END);
};

describe('refused', async () => {
  test('more functions than any program has', async () => {
    const bytes = module(FUNCTIONS_MAX + 1, repeated(0));
    await expect(loadProgram(bytes)).rejects.toThrow(
      `the module has ${FUNCTIONS_MAX + 1} functions; the limit is ${FUNCTIONS_MAX}`,
    );
  });

  test('more code', async () => {
    const bytes = new Uint8Array(CODE_BYTES_MAX + 100);
    const header = new Writer()
      .raw(HEADER)
      .u8(Section.code)
      .u32(CODE_BYTES_MAX + 1);
    bytes.set(header.result());
    await expect(loadProgram(bytes.subarray(0, header.length + CODE_BYTES_MAX + 1))).rejects.toThrow(
      /bytes of code; the limit is/,
    );
  });

  test('more bytes', async () => {
    const bytes = new Uint8Array(MODULE_BYTES_MAX + 1);
    bytes.set(HEADER);
    await expect(loadProgram(bytes)).rejects.toThrow(
      `the module has ${MODULE_BYTES_MAX + 1} bytes; the limit is ${MODULE_BYTES_MAX}`,
    );
  });

  test('by the command, with one line and status 126', async () => {
    const cli = path.join(import.meta.dirname, '../../src/cli/cli.ts');
    const input = module(FUNCTIONS_MAX + 1, repeated(0));
    const { status, stderr } = spawnSync(process.execPath, [cli, 'run', '-'], { input, encoding: 'utf8' });
    expect([status, stderr]).toEqual([126, expect.stringMatching(/^superos: stdin: the module has 250001 functions; [^\n]*\n$/)]);
  });

  test('more locals than a function can have', async () => {
    const bytes = module(1, (body) => body.u32(1).u32(50_001).u8(0x7f).u8(END));
    await expect(loadProgram(bytes)).rejects.toThrow(/local count too large/);
  });
});

/** The largest that V8 takes, or a good part of it. Loaded at all, they are loaded in seconds: the test's own time limit bounds them. */
const BOMBS: Record<string, () => Uint8Array> = {
  'functions that loop': () => module(200_000, repeated(1, 0x03, 0x40, 0x0c, 0, END)),
  'functions that call': () => module(200_000, repeated(1, 0x10, 0)),
  'thousands of locals': () => module(1000, (body) => body.u32(1).u32(49_000).u8(0x7f).u8(END)),
  'a function of megabytes': () => module(1, repeated(2_500_000, 0x41, 0, 0x1a)),
  'a function of loops': () => module(1, repeated(400_000, 0x03, 0x40, 0x0c, 0, END)),
  'blocks in blocks': () => module(1, nested(0x02, 500_000)),
  'loops in loops': () => module(1, nested(0x03, 500_000)),
};

describe.each(Object.entries(BOMBS))('%s', (_name, make) => {
  test('loads, or is refused with a clear error', async () => {
    try {
      await loadProgram(make());
    } catch (error) {
      expect(error).toMatchObject({ name: 'LoadError', code: 'too-large' });
    }
  });
});

test("a machine with threads compiles off the embedder's", async () => {
  await using machine = await Machine.boot({ cpus: 1 });
  const bytes = BOMBS['functions that loop']!();
  let turns = 0;
  let done = false;
  const loaded = machine
    .process(bytes)
    .spawn()
    .catch((error) => error)
    .finally(() => {
      done = true;
    });
  while (!done) {
    turns++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await loaded).toMatchObject({ code: 'not-runnable', message: expect.stringContaining('has no _start') });
  // One turn for each of the few messages, if the embedder's loop were held up.
  expect(turns).toBeGreaterThan(1000);
});
