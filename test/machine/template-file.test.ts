// Template files: what is read back is what was written, and nothing else is read at all.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { engine } from '../../src/hal/node/engine.ts';
import { Machine, SuperosError } from '../../src/index.ts';
import { compile } from '../../src/machine/source.ts';
import { decodeTemplate, encodeTemplate, isTemplateFile, type TemplateProgram } from '../../src/machine/template-file.ts';
import { Programs } from '../../src/runtime/program.ts';
import { CPUS, temporaryTree, wat } from './guests.ts';

const FIELDS = `
  (memory (export "memory") 20 30)
  (global $i (mut i32) (i32.const 0)) (global $l (mut i64) (i64.const 0)) (global $d (mut f64) (f64.const 0))
  (table $t 4 8 funcref)
  (elem declare func $seven $eight)
  (func $seven (result i32) (i32.const 7)) (func $eight (result i32) (i32.const 8))
  (func (export "_initialize")
    (global.set $i (i32.const -3)) (global.set $l (i64.const 0x7fffffffffffff)) (global.set $d (f64.const -0.5))
    (table.set $t (i32.const 2) (ref.func $eight))
    (drop (memory.grow (i32.const 2)))
    (memory.fill (i32.const 70001) (i32.const 3) (i32.const 9000))
    (i32.store8 (i32.const 1441791) (i32.const 200)))
  (func (export "state") (result i32 i64 f64 i32 i32 i32)
    (global.get $i) (global.get $l) (global.get $d) (call_indirect $t (result i32) (i32.const 2))
    (i32.add (i32.load8_u (i32.const 79000)) (i32.load8_u (i32.const 1441791))) (memory.size))
  (func (export "_start"))`;
const STATE = [-3, 0x7fffffffffffffn, -0.5, 8, 203, 22];

async function built(fields = FIELDS): Promise<{ readonly file: Uint8Array; readonly original: Uint8Array }> {
  const original = await wat(fields);
  await using machine = await Machine.boot({ cpus: 0 });
  using template = await machine.template(original);
  return { file: encodeTemplate(template, original).slice(), original };
}

const decode = (file: Uint8Array): Promise<TemplateProgram> =>
  decodeTemplate(file, 'x.tpl', (name, bytes) => compile(name, bytes, new Programs(engine), { snapshot: true }));

/** With the hash that it ought to have: what only a program of somebody's makes. */
function signed(file: Uint8Array): Uint8Array {
  file.set(createHash('sha256').update(file.subarray(0, 12)).update(file.subarray(44)).digest(), 12);
  return file;
}

describe.each(CPUS)('with %i threads', (cpus) => {
  test('a process starts from a file, by its path or its bytes, again and again', async () => {
    const { file } = await built();
    using tree = temporaryTree();
    const at = path.join(tree.path, 'app.tpl');
    fs.writeFileSync(at, file);
    await using machine = await Machine.boot({ cpus });
    for (const source of [at, file, at]) expect((await machine.process(source).invoke('state').run()).results).toEqual(STATE);
    using template = await machine.template(at);
    await using pool = machine.pool(template, { min: 2 });
    for (let i = 0; i < 5; i++) expect((await pool.process().invoke('state').run()).results).toEqual(STATE);
    expect((await machine.process(at).run()).status.reason).toBe('exit');
  });

  test('a file that cannot be read so is refused in one line', async () => {
    using tree = temporaryTree({ 'a.tpl': 'no template', 'b.tpl': '' });
    await using machine = await Machine.boot({ cpus });
    for (const name of ['a.tpl', 'b.tpl'])
      await expect(machine.process(path.join(tree.path, name)).spawn()).rejects.toMatchObject({ code: 'not-runnable' });
    await expect(machine.template(path.join(tree.path, 'c.tpl'))).rejects.toMatchObject({ code: 'not-found' });
    expect(machine.processes).toEqual([]);
  });
});

describe('a template file', () => {
  test('holds no zero pages, and the program as it was', async () => {
    const { file, original } = await built();
    expect(isTemplateFile(file)).toBe(true);
    expect(file.length).toBeLessThan(original.length + 7 * 4096);
    expect(Buffer.from(file).includes(original)).toBe(true);
    const { sealed } = await decode(file);
    expect(sealed.memories[0]!.length).toBe(22 * 65_536);
    expect(Buffer.from(encodeTemplate(await decode(file), original))).toEqual(Buffer.from(file));
  });

  test('names what is wrong', async () => {
    const { file } = await built();
    const changed = (at: number, value: number) => {
      const copy = file.slice();
      copy[at] = value;
      return copy;
    };
    await expect(decode(changed(1, 0))).rejects.toThrow('this is no template');
    await expect(decode(file.subarray(0, 20))).rejects.toThrow('cut short');
    await expect(decode(changed(8, 9))).rejects.toThrow('has version 9 of its format; this is version 1');
    await expect(decode(file.subarray(0, file.length - 1))).rejects.toThrow('damaged');
    await expect(decode(signed(changed(45, 'x'.charCodeAt(0))))).rejects.toThrow('another version of SuperOS');
  });

  test('that is changed anywhere is refused before anything of it is loaded', async () => {
    const { file } = await built();
    const never = () => {
      throw new Error('it was loaded');
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const copy = file.slice();
        copy[at] = copy[at]! ^ flip;
        await expect(decodeTemplate(copy, 'x.tpl', never)).rejects.toThrow(SuperosError);
      }),
      { numRuns: 2000 },
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), async (length) => {
        await expect(decodeTemplate(file.subarray(0, length), 'x.tpl', never)).rejects.toThrow(SuperosError);
      }),
      { numRuns: 500 },
    );
  });

  test('of somebody who knows the hash is refused, or is another valid one: nothing else is thrown', async () => {
    const { file } = await built();
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 44, max: file.length - 1 }), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const copy = file.slice();
          for (const [at, value] of changes) copy[at] = value;
          try {
            const { sealed, layout } = await decode(signed(copy));
            expect(sealed.memories.length).toBe(layout.memories.length);
            outcomes.add('read');
          } catch (error) {
            if (!(error instanceof SuperosError)) throw error;
            expect(error.message).not.toContain('\n');
            outcomes.add('refused');
          }
        },
      ),
      { numRuns: 1000 },
    );
    expect(outcomes.has('refused')).toBe(true);
  });
});
