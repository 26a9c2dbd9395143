// SECURITY.md 8, by a guest: another host process swaps directories and files for links, and moves directories out, while a guest
// walks through them. It looks at all that it gets hold of, and none of that is outside.
import { expect, test } from 'vitest';
import { Machine } from '../../src/index.ts';
import { wat } from '../machine/guests.ts';
import { READS, race } from './race.ts';

const ROUNDS = 7_200;
/** Beside the looking at what was opened. */
const CALLS_A_ROUND = 14;

const PATHS = 1024;
const FORBIDDEN = 4096;
const STATUS = 512;
const OPENED = 600;
const BYTES = 640;
const FD = 3;
const READ = 2n | (1n << 21n);
const WRITE = 1n << 6n;

const texts = [...READS, 'd/e/../made', 'd/new', 'd/secret', 'stolen', 'linked', 'd/symlink', 'f', 'd/f'];
/** Address and length of a path. */
const at = (text: string): string => `(i32.const ${PATHS + 16 * texts.indexOf(text)}) (i32.const ${text.length})`;
const done = (call: string): string => `(drop ${call})`;
const WASI: Record<string, string> = {
  path_filestat_get: 'i32 i32 i32 i32 i32',
  path_open: 'i32 i32 i32 i32 i32 i64 i64 i32 i32',
  fd_filestat_get: 'i32 i32',
  fd_read: 'i32 i32 i32 i32',
  fd_close: 'i32',
  path_create_directory: 'i32 i32 i32',
  path_remove_directory: 'i32 i32 i32',
  path_unlink_file: 'i32 i32 i32',
  path_rename: 'i32 i32 i32 i32 i32 i32',
  path_link: 'i32 i32 i32 i32 i32 i32 i32',
  path_symlink: 'i32 i32 i32 i32 i32',
  path_filestat_set_times: 'i32 i32 i32 i32 i64 i64 i32',
};

const GUEST = await wat(`
  ${Object.entries(WASI)
    .map(([name, params]) => `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param ${params}) (result i32)))`)
    .join('\n')}
  (import "host_fs" "chmod" (func $chmod (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ${texts.map((text, i) => `(data (i32.const ${PATHS + 16 * i}) "${text}")`).join('\n')}
  (data (i32.const ${OPENED + 8}) "\\${BYTES.toString(16).slice(-2)}\\0${BYTES.toString(16).slice(0, 1)}\\00\\00\\01\\00\\00\\00")
  (data (i32.const 768) "x") (data (i32.const 784) "/mount/d/f")
  (global $looked (mut i32) (i32.const 0)) (global $calls (mut i32) (i32.const 0)) (global $escapes (mut i32) (i32.const 0))
  (func (export "looked") (result i32) (global.get $looked))
  (func (export "escapes") (result i32) (global.get $escapes))
  (func $escape (global.set $escapes (i32.add (global.get $escapes) (i32.const 1))))
  (func $look (local $i i32)
    (global.set $looked (i32.add (global.get $looked) (i32.const 1)))
    (loop $next
      (if (i64.eq (i64.load (i32.const ${STATUS + 8})) (i64.load (i32.add (i32.const ${FORBIDDEN}) (local.get $i)))) (then (call $escape)))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 32)))))
  (func $read (param $path i32) (param $length i32) (local $fd i32)
    (if (i32.eqz (call $path_filestat_get (i32.const ${FD}) (i32.const 1) (local.get $path) (local.get $length) (i32.const ${STATUS})))
      (then (call $look)))
    (if (call $path_open (i32.const ${FD}) (i32.const 1) (local.get $path) (local.get $length) (i32.const 0)
        (i64.const ${READ}) (i64.const 0) (i32.const 0) (i32.const ${OPENED})) (then (return)))
    (local.set $fd (i32.load (i32.const ${OPENED})))
    (if (i32.eqz (call $fd_filestat_get (local.get $fd) (i32.const ${STATUS}))) (then (call $look)))
    (i32.store8 (i32.const ${BYTES}) (i32.const 0))
    (drop (call $fd_read (local.get $fd) (i32.const ${OPENED + 8}) (i32.const 1) (i32.const ${OPENED + 16})))
    (if (i32.eq (i32.load8_u (i32.const ${BYTES})) (i32.const ${'o'.charCodeAt(0)})) (then (call $escape)))
    (drop (call $fd_close (local.get $fd))))
  (func $create
    (if (call $path_open (i32.const ${FD}) (i32.const 1) ${at('d/e/../made')} (i32.const 1)
        (i64.const ${WRITE}) (i64.const 0) (i32.const 0) (i32.const ${OPENED})) (then (return)))
    (drop (call $fd_close (i32.load (i32.const ${OPENED})))))
  (func (export "walk") (param $rounds i32)
    (loop $next
      ${READS.map((path, i) => `(if (i32.eq (i32.rem_u (local.get $rounds) (i32.const ${READS.length})) (i32.const ${i})) (then (call $read ${at(path)})))`).join('\n')}
      (call $create)
      ${[
        `(call $path_create_directory (i32.const ${FD}) ${at('d/new')})`,
        `(call $path_remove_directory (i32.const ${FD}) ${at('d/new')})`,
        `(call $path_unlink_file (i32.const ${FD}) ${at('d/secret')})`,
        `(call $path_rename (i32.const ${FD}) ${at('d/secret')} (i32.const ${FD}) ${at('stolen')})`,
        `(call $path_link (i32.const ${FD}) (i32.const 1) ${at('d/secret')} (i32.const ${FD}) ${at('linked')})`,
        `(call $path_symlink (i32.const 768) (i32.const 1) (i32.const ${FD}) ${at('d/symlink')})`,
        `(call $path_filestat_set_times (i32.const ${FD}) (i32.const 1) ${at('f')} (i64.const 0) (i64.const 0) (i32.const 5))`,
        `(call $chmod (i32.const 784) (i32.const 10) (i32.const 0x1ff))`,
        `(call $path_unlink_file (i32.const ${FD}) ${at('d/e/../made')})`,
        `(call $path_unlink_file (i32.const ${FD}) ${at('d/symlink')})`,
      ]
        .map(done)
        .join('\n')}
      (br_if $next (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))`);

test(`${ROUNDS * CALLS_A_ROUND} tries, no escape`, () =>
  race(async (inside, forbidden, own) => {
    await using machine = await Machine.boot({ cpus: 0 });
    const child = await machine
      .process(GUEST)
      .capabilities([{ dir: inside, at: '/mount' }])
      .reactor()
      .spawn();
    await child.write(FORBIDDEN, new Uint8Array(BigUint64Array.from(forbidden).buffer));
    await child.call('walk', ROUNDS);
    const [looked, escapes] = [await child.call('looked'), await child.call('escapes')];
    // That it knows what is outside where it sees it: what is inside has numbers of the same kind.
    expect(looked[0]).toBeGreaterThan(ROUNDS / 4);
    expect(escapes).toEqual([0]);
    await child.write(FORBIDDEN, new Uint8Array(BigUint64Array.of(own, own, own, own).buffer));
    await child.call('walk', 1000);
    expect((await child.call('escapes'))[0]).toBeGreaterThan(0);
  }));
