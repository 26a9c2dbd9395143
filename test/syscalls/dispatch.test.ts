// Every row of the table of system calls, through a guest that is made from it: its type is that of the specification, and each
// parameter of each call is refused for each reason that its kind has, before anything happens.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeMmu } from '../../src/hal/node/mmu/mmu.ts';
import { type ChildProcess, Machine } from '../../src/index.ts';
import { signature } from '../../src/syscalls/dispatch.ts';
import { ERRNO } from '../../src/syscalls/errno.ts';
import type { Parameter } from '../../src/syscalls/parameter.ts';
import { type Call, type CallName, TABLE } from '../../src/syscalls/table.ts';
import { wat } from '../machine/guests.ts';

/** preview 1 as its witx has it, lowered: i for 32 bits, I for 64. All but proc_exit return an errno. */
const PREVIEW1 = `args_get ii,args_sizes_get ii,environ_get ii,environ_sizes_get ii,clock_res_get ii,clock_time_get iIi,fd_advise iIIi,fd_allocate iII,
  fd_close i,fd_datasync i,fd_fdstat_get ii,fd_fdstat_set_flags ii,fd_fdstat_set_rights iII,fd_filestat_get ii,fd_filestat_set_size iI,
  fd_filestat_set_times iIIi,fd_pread iiiIi,fd_prestat_get ii,fd_prestat_dir_name iii,fd_pwrite iiiIi,fd_read iiii,fd_readdir iiiIi,fd_renumber ii,
  fd_seek iIii,fd_sync i,fd_tell ii,fd_write iiii,path_create_directory iii,path_filestat_get iiiii,path_filestat_set_times iiiiIIi,path_link iiiiiii,
  path_open iiiiiIIii,path_readlink iiiiii,path_remove_directory iii,path_rename iiiiii,path_symlink iiiii,path_unlink_file iii,poll_oneoff iiii,
  proc_exit i,proc_raise i,sched_yield ,random_get ii,sock_accept iii,sock_recv iiiiii,sock_send iiiii,sock_shutdown ii`;

const specified = PREVIEW1.split(',').map((line) => line.trim().split(' ') as [string, string?]);

test.each(specified)('%s has the type of the specification', (name, params = '') => {
  const call = TABLE[name as CallName];
  expect(signature(call)).toEqual({
    params: [...params].map((letter) => (letter === 'i' ? 'i32' : 'i64')),
    results: name === 'proc_exit' ? [] : ['i32'],
  });
});

test('preview 1 is complete, and has no more', () => {
  const ours = Object.values(TABLE).filter(({ abi }) => abi === 'wasi_snapshot_preview1');
  expect(ours.map(({ name }) => name).sort()).toEqual(specified.map(([name]) => name).sort());
});

/** Elsewhere there are no regions, and their calls have nothing to work on. */
const NATIVE = nodeMmu().driver === 'native';

/** Those that return: the guest can tell what they said. */
const CALLS = (Object.entries(TABLE) as [CallName, Call][]).filter(
  ([, call]) => !call.noreturn && (NATIVE || !call.params.some(({ object }) => object === 'region')),
);

/** Where the test puts things in the guest's memory. */
const AT = { good: 1024, path: 2048, longPath: 4096, badUtf8: 3000, nul: 3100, iovecs: 16_384, badIovecs: 32_768, out: 40_000 };
const OUTSIDE = 0xffff_fff0;
const PATH_MAX = 4096;

let machine: Machine;
let child: ChildProcess;
/** Descriptors with all rights that apply, and with none. */
const FILE = 4;
const DIRECTORY = 3;
const POWERLESS = { file: 5, directory: 6 };
/** Handles, in the order of the grants: clock, random, network. */
const CLOCK = 2 ** 30;
const ENDPOINT = CLOCK + 2;
const REGION = CLOCK + 3;

beforeAll(async () => {
  machine = await Machine.boot({ cpus: 0 });
  const imports = CALLS.map(([name, call]) => {
    const { params, results } = signature(call);
    return `(import "${call.abi}" "${call.name}" (func $${name} (param ${params.join(' ')}) (result ${results.join(' ')})))`;
  });
  const exports = CALLS.map(([name, call]) => {
    const { params } = signature(call);
    return `(func (export "${name}") (param ${params.join(' ')}) (result i32) (call $${name} ${params.map((_, i) => `(local.get ${i})`).join(' ')}))`;
  });
  const module = await wat(`${imports.join('\n')} (memory (export "memory") 1) ${exports.join('\n')}`);
  child = await machine
    .process(module)
    .capabilities(['clock', 'random', { tmp: '/tmp' }, 'network', ...(NATIVE ? [machine.region('64k')] : [])])
    .reactor()
    .spawn();
  await child.write(AT.good, Buffer.from('f'));
  await child.write(AT.badUtf8, Uint8Array.of(0x66, 0xc0, 0xaf));
  await child.write(AT.nul, Buffer.from('f\0g'));
  await child.write(AT.longPath, Buffer.alloc(PATH_MAX + 1, 'f'));
  const list = new DataView(new ArrayBuffer(16));
  list.setUint32(0, 512, true);
  list.setUint32(4, 8, true);
  await child.write(AT.iovecs, new Uint8Array(list.buffer));
  list.setUint32(8, OUTSIDE, true);
  list.setUint32(12, 8, true);
  await child.write(AT.badIovecs, new Uint8Array(list.buffer));
  await child.write(AT.path, Buffer.from('.'));
  const all = (1n << 30n) - 1n;
  expect(await child.call('path_open', DIRECTORY, 0, AT.good, 1, 1, all, all, 0, AT.out)).toEqual([0]);
  expect(await child.call('path_open', DIRECTORY, 0, AT.good, 1, 0, 0n, 0n, 0, AT.out)).toEqual([0]);
  expect(await child.call('path_open', DIRECTORY, 0, AT.path, 1, 2, 0n, 0n, 0, AT.out)).toEqual([0]);
  for (const [fd, type] of [
    [FILE, 4],
    [POWERLESS.file, 4],
    [POWERLESS.directory, 3],
  ] as const) {
    expect(await child.call('fd_fdstat_get', fd, AT.out)).toEqual([0]);
    expect((await child.read(AT.out, 1))[0]).toBe(type);
  }
});
afterAll(() => machine[Symbol.asyncDispose]());

const needsDirectory = (name: string): boolean =>
  name.startsWith('path_') || name === 'fd_readdir' || name.startsWith('fd_prestat');

/** Raw arguments that pass the checks, for one parameter. */
function good(name: CallName, { kind, object, name: parameter }: Parameter): (number | bigint)[] {
  switch (kind) {
    case 'capability':
      return [needsDirectory(name) ? DIRECTORY : FILE];
    case 'slot':
      return [FILE];
    case 'u32':
      return [parameter === 'nsubscriptions' ? 1 : 0];
    case 'flags':
    case 'choice':
      return [0];
    case 'u64':
    case 'size':
    case 'delta':
    case 'rights':
      return [0n];
    case 'out':
      return [AT.out];
    case 'buffer':
      return [AT.out, 64];
    case 'path':
    case 'text':
      return [AT.good, 1];
    case 'iovecs':
      return [AT.iovecs, 1];
    case 'handle':
      return [object === 'region' ? REGION : ENDPOINT];
    case 'host':
      return [AT.good, 1];
    case 'port':
      return [1];
  }
}

interface Bad {
  readonly what: string;
  readonly raw: readonly (number | bigint)[];
  readonly errno: keyof typeof ERRNO;
}

/** Raw arguments that must be refused, for one parameter. */
function bad(name: CallName, parameter: Parameter): Bad[] {
  switch (parameter.kind) {
    case 'capability': {
      const powerless = parameter.mask === 0 ? [] : [needsDirectory(name) ? POWERLESS.directory : POWERLESS.file];
      return [
        ...[7, 999, 0x8000_0000, 0xffff_ffff].map((fd): Bad => ({ what: `descriptor ${fd}`, raw: [fd], errno: 'BADF' })),
        ...powerless.map((fd): Bad => ({ what: 'no right', raw: [fd], errno: 'NOTCAPABLE' })),
      ];
    }
    case 'flags': {
      const undefinedBits = Array.from({ length: 32 }, (_, bit) => bit).filter(
        (bit) => ((Number(parameter.mask) >>> bit) & 1) === 0,
      );
      return [...undefinedBits.map((bit) => (1 << bit) >>> 0), 0xffff_ffff].map(
        (bits): Bad => ({ what: `bits ${bits.toString(16)}`, raw: [bits], errno: 'INVAL' }),
      );
    }
    case 'choice':
      return [parameter.values!.length, 0x8000_0000, 0xffff_ffff].map(
        (value): Bad => ({ what: `choice ${value}`, raw: [value], errno: 'INVAL' }),
      );
    case 'out':
      return [65_536, OUTSIDE, 0x8000_0000].map((at): Bad => ({ what: `address ${at}`, raw: [at], errno: 'FAULT' }));
    case 'buffer':
      return [
        [AT.out, 0xffff_ffff],
        [OUTSIDE, 16],
        [OUTSIDE, 17],
        [65_535, 2],
        [65_537, 0],
      ].map((raw): Bad => ({ what: `buffer ${raw}`, raw, errno: 'FAULT' }));
    case 'handle':
      return [
        ...[FILE, CLOCK - 1, 0x7fff_ffff, 0xffff_ffff, REGION + 1, ENDPOINT + 2 ** 16].map(
          (number): Bad => ({ what: `handle ${number}`, raw: [number], errno: 'BADF' }),
        ),
        { what: 'another kind', raw: [CLOCK], errno: 'NOTCAPABLE' },
      ];
    case 'port':
      return [65_536, 0xffff_ffff].map((port): Bad => ({ what: `port ${port}`, raw: [port], errno: 'INVAL' }));
    case 'host':
      return [
        { what: 'outside', raw: [OUTSIDE, 16], errno: 'FAULT' },
        { what: 'longer than memory', raw: [AT.good, 0xffff_ffff], errno: 'FAULT' },
        { what: 'too long', raw: [AT.longPath, 255], errno: 'NAMETOOLONG' },
        { what: 'no UTF-8', raw: [AT.badUtf8, 3], errno: 'INVAL' },
        { what: 'a NUL', raw: [AT.nul, 3], errno: 'INVAL' },
        { what: 'nothing', raw: [AT.good, 0], errno: 'INVAL' },
      ];
    case 'path':
    case 'text':
      return [
        { what: 'outside', raw: [OUTSIDE, 16], errno: 'FAULT' },
        { what: 'longer than memory', raw: [AT.good, 0xffff_ffff], errno: 'FAULT' },
        { what: 'too long', raw: [AT.longPath, PATH_MAX + 1], errno: 'NAMETOOLONG' },
        { what: 'no UTF-8', raw: [AT.badUtf8, 3], errno: 'ILSEQ' },
        { what: 'a NUL', raw: [AT.nul, 3], errno: 'INVAL' },
      ];
    case 'iovecs':
      return [
        { what: 'a list outside', raw: [OUTSIDE, 2], errno: 'FAULT' },
        { what: 'a list of one outside', raw: [OUTSIDE, 1], errno: 'FAULT' },
        { what: 'an element outside', raw: [AT.badIovecs, 2], errno: 'FAULT' },
        { what: 'the one element outside', raw: [AT.badIovecs + 8, 1], errno: 'FAULT' },
        { what: 'too many', raw: [AT.iovecs, 1025], errno: 'INVAL' },
        { what: 'far too many', raw: [AT.iovecs, 0xffff_ffff], errno: 'INVAL' },
      ];
    default:
      return [];
  }
}

describe('refusals', () => {
  const withChecks = CALLS.filter(([name, { params }]) => params.some((parameter) => bad(name, parameter).length > 0));

  test.each(withChecks)('%s', async (name, call) => {
    for (const [i, parameter] of call.params.entries()) {
      for (const { what, raw, errno } of bad(name, parameter)) {
        // An area of no bytes lies anywhere: `environ_get` without an environment.
        if (parameter.kind === 'out' && name === 'environ_get') continue;
        const args = call.params.flatMap((other, j) => (i === j ? raw : good(name, other)));
        const [result] = await child.call(name, ...args);
        expect([parameter.name, what, result]).toEqual([parameter.name, what, call.value ? 0 : ERRNO[errno]]);
      }
    }
  });

  test('changed nothing: the descriptors are as they were', async () => {
    for (const fd of [0, 1, 2, DIRECTORY, FILE, POWERLESS.file, POWERLESS.directory])
      expect(await child.call('fd_fdstat_get', fd, AT.out)).toEqual([0]);
    expect(await child.call('fd_fdstat_get', 7, AT.out)).toEqual([ERRNO.BADF]);
    expect(child.info().state).toBe('blocked');
  });
});

/** SECURITY.md 13: pages that the host's own code could not touch without ending the host. */
describe.skipIf(!NATIVE)('pointers to protected pages', () => {
  const PAGE = 65_536;
  /** Where bytes may be read alone, and where none may. */
  let readable = 0;
  let inaccessible = 0;

  beforeAll(async () => {
    const made = async (name: 'mem_map' | 'mem_alloc', ...args: number[]) => {
      expect(await child.call(name, ...args, AT.out)).toEqual([0]);
      return Buffer.from(await child.read(AT.out, 4)).readUInt32LE();
    };
    readable = await made('mem_map', REGION, 0, 1);
    inaccessible = await made('mem_alloc', PAGE, 0);
    // The last bytes before a page that may not be written.
    const list = Buffer.alloc(24);
    for (const [i, at] of [inaccessible, readable - 4, readable + PAGE - 4].entries()) {
      list.writeUInt32LE(at, i * 8);
      list.writeUInt32LE(8, i * 8 + 4);
    }
    await child.write(AT.badIovecs, list);
  });

  function protectedAt({ kind, use }: Parameter): (number | bigint)[][] {
    const nowhere = [inaccessible, readable - 4, readable + PAGE - 1];
    switch (kind) {
      case 'out':
        return [...nowhere, ...(use === 'write' ? [readable] : [])].map((at) => [at]);
      case 'buffer':
        return [...nowhere, ...(use === 'write' ? [readable] : [])].map((at) => [at, 16]);
      case 'path':
      case 'text':
      case 'host':
        return nowhere.map((at) => [at, 16]);
      case 'iovecs':
        return [
          ...nowhere.map((at) => [at, 2]),
          ...[0, 8, 16].map((offset) => [AT.badIovecs + offset, 1]),
          ...(use === 'write' ? [[AT.iovecs + 64, 1]] : []),
        ];
      default:
        return [];
    }
  }

  test.each(
    CALLS.filter(([, { params }]) =>
      params.some((one) => ['out', 'buffer', 'path', 'text', 'host', 'iovecs'].includes(one.kind)),
    ),
  )('%s', async (name, call) => {
    const list = Buffer.alloc(8);
    list.writeUInt32LE(readable, 0);
    list.writeUInt32LE(8, 4);
    await child.write(AT.iovecs + 64, list);
    for (const [i, parameter] of call.params.entries()) {
      for (const raw of protectedAt(parameter)) {
        if (parameter.kind === 'out' && name === 'environ_get') continue;
        const args = call.params.flatMap((other, j) => (i === j ? raw : good(name, other)));
        expect([parameter.name, raw, ...(await child.call(name, ...args))]).toEqual([
          parameter.name,
          raw,
          call.value ? 0 : ERRNO.FAULT,
        ]);
      }
    }
  });
});
