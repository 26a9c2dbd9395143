// Functions of the embedder as capabilities: who was given one calls it, with numbers; nobody else finds it.
import assert from 'node:assert';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChildProcess, type HostFunction, Machine, SuperosError } from '../../src/index.ts';
import { CPUS, guest, WASI, wat } from './guests.ts';

/** A reactor that calls `host.f` of this type, with what its export `f` is called with. */
const calling = (type: string, count: number): Promise<Uint8Array> =>
  wat(`(import "host" "f" (func $f ${type})) (memory (export "memory") 1) (data (i32.const 16) "hello")
    (func (export "f") ${type} ${Array.from({ length: count }, (_, i) => `(local.get ${i})`).join(' ')} call $f)`);

/** What has no text of its own that could be told. */
const HOSTILE: readonly (readonly [string, () => unknown])[] = [
  ['an object without a prototype', () => Object.create(null)],
  ['an error whose message is a function', () => Object.assign(new Error(), { message: () => 1 })],
  ['an error whose message is an object', () => Object.assign(new Error(), { message: { a: 1 } })],
  ['an error whose message throws', () => Object.defineProperty(new Error(), 'message', { get: () => assert.fail('no') })],
  ['a proxy that throws', () => new Proxy({}, { get: () => assert.fail('no'), getPrototypeOf: () => assert.fail('no') })],
];

/** What ends a process, and what its message tells. */
const ENDS: readonly (readonly [string, () => unknown, string])[] = [
  ['an error', () => Promise.reject(new Error('went wrong')), 'went wrong'],
  ['a wrong type', () => '1', 'type string'],
  ['a bigint for an i32', () => 1n, 'type bigint'],
  ['nothing', () => undefined, 'nothing'],
  ['an object', () => ({}), 'type object'],
  ['a promise of a function', () => Promise.resolve(() => 1), 'no i32'],
  [
    'an exception',
    () => {
      throw new Error('thrown \u001b[31m');
    },
    'thrown',
  ],
  ...HOSTILE.map(([what, make]): (typeof ENDS)[number] => [
    what,
    () => {
      throw make();
    },
    'it failed with something that has no text',
  ]),
  ...HOSTILE.map(([what, make]): (typeof ENDS)[number] => [`later ${what}`, () => Promise.reject(make()), 'no text']),
  ['a symbol thrown', () => Promise.reject(Symbol('s')), 'Symbol(s)'],
  [
    'a result whose then cannot be read',
    () => ({
      // biome-ignore lint/suspicious/noThenProperty: it is what is tested
      get then() {
        throw new Error('unreadable');
      },
    }),
    'unreadable',
  ],
  // biome-ignore lint/suspicious/noThenProperty: it is what is tested
  ['a result whose then throws', () => ({ then: () => assert.fail('went wrong') }), 'went wrong'],
  ['a promise of a symbol', () => Promise.resolve(Symbol('s')), 'no i32'],
  ['a promise of an object with a hostile prototype', () => Promise.resolve(Object.create(null)), 'type object'],
];

describe.each(CPUS)('cpus: %i', (cpus) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  const start = async (source: Uint8Array, ...functions: HostFunction[]): Promise<ChildProcess> =>
    machine.process(source).capabilities(functions).reactor().spawn();

  test('numbers of all types go in and come out, at once or later', async () => {
    const types = [
      ['i32', [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]],
      ['i64', [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 0x1234_5678_9abc_def0n]],
      ['f32', [0, -0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 31)]],
      ['f64', [0, -0, 1e300, Number.NaN, Number.NEGATIVE_INFINITY, -(2 ** 31)]],
    ] as const;
    for (const [type, values] of types) {
      for (const later of [false, true]) {
        const seen: (number | bigint)[] = [];
        const f = machine.hostFunction('host.f', { params: [type], results: [type] }, ((
          _call: unknown,
          value: number | bigint,
        ) => {
          seen.push(value);
          return later ? Promise.resolve(value) : value;
        }) as never);
        await using child = await start(await calling(`(param ${type}) (result ${type})`, 1), f);
        for (const value of values) expect(await child.call('f', value)).toEqual([value]);
        expect(seen).toEqual(values);
      }
    }
  });

  test('several arguments keep their order, and no result is none', async () => {
    const seen: unknown[] = [];
    const f = machine.hostFunction('host.f', { params: ['i32', 'i64', 'f32', 'f64', 'i32'], results: [] }, (_call, ...args) => {
      seen.push(args);
    });
    await using child = await start(await calling('(param i32 i64 f32 f64 i32)', 5), f);
    expect(await child.call('f', -1, -2n, 0.5, 1e100, 7)).toEqual([]);
    expect(seen).toEqual([[-1, -2n, 0.5, 1e100, 7]]);
  });

  test('it reads and writes the memory of who calls, and knows its number', async () => {
    let pid = 0;
    const f = machine.hostFunction('host.f', { params: ['i32', 'i32'], results: ['i32'] }, async (call, at, length) => {
      pid = call.pid;
      const bytes = await call.read(at, length);
      await call.write(at + 100, bytes.toReversed());
      return bytes.length;
    });
    await using child = await start(await calling('(param i32 i32) (result i32)', 2), f);
    expect(await child.call('f', 16, 5)).toEqual([5]);
    expect(Buffer.from(await child.read(116, 5)).toString()).toBe('olleh');
    expect(pid).toBe(child.pid);
  });

  test.each([
    [65_536, 1],
    [65_535, 2],
    [-1, 1],
    [0, 65_537],
    [16, -1],
  ])('%i, %i is no memory of it', async (at, length) => {
    const errors: unknown[] = [];
    const f = machine.hostFunction('host.f', { params: ['i32', 'i32'], results: ['i32'] }, async (call, address, count) => {
      await call.read(address, count).catch((error: unknown) => errors.push(error));
      if (count >= 0) await call.write(address, new Uint8Array(count)).catch((error: unknown) => errors.push(error));
      return errors.length;
    });
    await using child = await start(await calling('(param i32 i32) (result i32)', 2), f);
    await child.call('f', at, length);
    expect(errors.length).toBe(length < 0 ? 1 : 2);
    expect(errors).toEqual(errors.map(() => expect.any(SuperosError)));
  });

  test('who was not given it does not find it', async () => {
    machine.hostFunction('host.f', { params: [], results: [] }, () => {});
    const g = machine.hostFunction('host.g', { params: [], results: [] }, () => {});
    const child = await start(await calling('', 0), g);
    await expect(child.call('f')).rejects.toThrow('ended');
    const status = await child.wait();
    expect(status).toMatchObject({ reason: 'trap' });
    expect(status.message).toContain('host.f');
  });

  test.each(ENDS)('%s ends the process, and a guest that catches all does not catch it', async (_what, callback, expected) => {
    const f = machine.hostFunction('host.f', { params: [], results: ['i32'] }, callback as () => number);
    const source = await wat(`${WASI('proc_exit')} (import "host" "f" (func $f (result i32))) (memory (export "memory") 1)
      (func (export "_start") (block $out (try_table (catch_all $out) (drop (call $f)))) (call $proc_exit (i32.const 7)))`);
    const { status } = await machine.process(source).capabilities([f]).run();
    expect(status).toMatchObject({ reason: 'trap', code: null });
    expect(status.message).toContain('host.f: ');
    expect(status.message).toContain(expected);
    expect(status.message).not.toContain('\u001b');
  });

  test('other processes go on while one waits for an answer', async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const f = machine.hostFunction('host.f', { params: [], results: ['i32'] }, () => promise);
    await using child = await start(await calling('(result i32)', 0), f);
    const answer = child.call('f');
    for (let i = 0; i < 4; i++) expect((await machine.process(guest('hello')).run()).status.code).toBe(0);
    resolve(5);
    expect(await answer).toEqual([5]);
  });

  test('the end of the process aborts the call, and an answer that comes later is nobody\u2019s', async () => {
    const called = Promise.withResolvers<AbortSignal>();
    const { promise, resolve } = Promise.withResolvers<number>();
    const f = machine.hostFunction('host.f', { params: [], results: ['i32'] }, (call) => {
      called.resolve(call.signal);
      return promise;
    });
    const child = await start(await calling('(result i32)', 0), f);
    const answer = child.call('f').catch((error: Error) => error);
    const signal = await called.promise;
    const aborted = new Promise((done) => signal.addEventListener('abort', done));
    expect(signal.aborted).toBe(false);
    child.kill('SIGKILL');
    await aborted;
    expect((await child.wait()).signal).toBe('SIGKILL');
    resolve(1);
    expect(await answer).toBeInstanceOf(SuperosError);
  });

  test('it is listed, and once it is revoked no call gets through, a waiting one neither', async () => {
    let calls = 0;
    const called = Promise.withResolvers<void>();
    const waiting = new Promise<number>(() => {});
    const f = machine.hostFunction('host.f', { params: ['i32'], results: ['i32'] }, (_call, wait) => {
      calls++;
      if (wait === 0) return calls;
      called.resolve();
      return waiting;
    });
    const child = await start(await calling('(param i32) (result i32)', 1), f);
    expect(child.info().capabilities).toEqual(['function:host.f']);
    expect(await child.capabilities()).toContainEqual({
      number: 2 ** 30,
      kind: 'function',
      grant: 'function:host.f',
      rights: ['call', 'transfer'],
    });
    expect(await child.call('f', 0)).toEqual([1]);
    const answer = child.call('f', 1).catch((error: Error) => error);
    await called.promise;
    await child.revoke('function:host.f');
    expect(await answer).toBeInstanceOf(SuperosError);
    expect(await child.wait()).toMatchObject({ reason: 'trap', message: expect.stringContaining('revoked') });
    const later = await start(await calling('(param i32) (result i32)', 1), f);
    await later.revoke('function:host.f');
    await expect(later.call('f', 0)).rejects.toThrow('ended');
    expect(await later.wait()).toMatchObject({ reason: 'trap', message: expect.stringContaining('host.f') });
    expect(calls).toBe(2);
  });

  test('a program without checks calls it, too, on a thread of its own or not', async () => {
    for (const [scheduling, options] of [
      ['dedicated', {}],
      ['raw', { share: true }],
    ] as const) {
      for (const later of [false, true]) {
        const f = machine.hostFunction('host.f', { params: ['i32'], results: ['i32'] }, (_call, value) =>
          later ? Promise.resolve(value - 1) : value - 1,
        );
        const source = await wat(`${WASI('proc_exit')} (import "host" "f" (func $f (param i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "_start") (local $i i32) (local.set $i (i32.const 40))
            (loop $again (br_if $again (i32.gt_s (local.tee $i (call $f (local.get $i))) (i32.const -3))))
            (call $proc_exit (i32.add (local.get $i) (i32.const 10))))`);
        const { status } = await machine.process(source).capabilities([f]).scheduling(scheduling, options).run();
        expect(status).toMatchObject({ reason: 'exit', code: 7 });
      }
    }
  });

  test('a guest that imports it as another type is refused', async () => {
    const f = machine.hostFunction('host.f', { params: ['i32'], results: [] }, () => {});
    await expect(start(await calling('(param i64)', 1), f)).rejects.toMatchObject({ code: 'not-runnable' });
    await expect(start(await calling('(param i64)', 1), f)).rejects.toThrow(
      'host.f as (i64) -> (); the function given is (i32) -> ()',
    );
  });

  test('what is none is refused', async () => {
    const make = (name: string, results: readonly string[] = []) =>
      machine.hostFunction(name, { params: [], results } as never, (() => {}) as never);
    for (const name of ['f', '', '.f', 'f.', 'wasi_snapshot_preview1.fd_read', 'superos:kernel.wait', 'superos.net_connect'])
      expect(() => make(name)).toThrow(SuperosError);
    expect(() => make('a.b', ['i31'])).toThrow('i32, i64, f32 or f64');
    expect(() => make('a.b', ['i32', 'i32'])).toThrow('one result');
    const signatures = [undefined, {}, { params: [] }, { params: 'i32', results: [] }, { params: [Symbol('x')], results: [] }];
    for (const signature of signatures)
      expect(() => machine.hostFunction('a.b', signature as never, () => {})).toThrow(SuperosError);
    for (const callback of [undefined, 5, {}])
      expect(() => machine.hostFunction('a.b', { params: [], results: [] }, callback as never)).toThrow(SuperosError);
    expect(() => machine.hostFunction(5 as never, { params: [], results: [] }, () => {})).toThrow(SuperosError);
    await using other = await Machine.boot({ cpus: 0 });
    const foreign = other.hostFunction('host.f', { params: [], results: [] }, () => {});
    for (const grants of [[foreign], ['function:host.f'], [make('host.f'), make('host.f')]])
      await expect(machine.process(guest('hello')).capabilities(grants).spawn()).rejects.toMatchObject({
        code: 'invalid-argument',
      });
  });
});
