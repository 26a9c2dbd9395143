// `superos template build` and templates given to `superos run`, as people have them.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryTree } from '../machine/guests.ts';
import { superos } from './command.ts';

/** Says what it was told when it was initialised: the first argument, or `hey`; `state` returns a number. */
const SOURCE = `(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $state (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $state (i32.const 41)))
  (func (export "later")
    (drop (call $random (i32.const 0) (i32.const 8)))
    (drop (call $args (i32.const 1024) (i32.const 2048)))
    (global.set $state (i32.load8_u (i32.load (i32.const 1028)))))
  (func (export "state") (result i32) (global.get $state))
  (func (export "_start")
    (i32.store8 (i32.const 512) (i32.add (i32.const 58) (i32.rem_u (global.get $state) (i32.const 10))))
    (i32.store8 (i32.const 513) (i32.const 10))
    (i32.store (i32.const 16) (i32.const 512)) (i32.store (i32.const 20) (i32.const 2))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))`;

test('a template is built, and run like a program', () => {
  using tree = temporaryTree({ 'app.wat': SOURCE });
  const [program, output] = [path.join(tree.path, 'app.wat'), path.join(tree.path, 'app.tpl')];
  expect(superos(['template', 'build', program, '-o', output])).toEqual({
    stdout: expect.stringMatching(/app\.tpl: \d+ bytes\n$/),
    stderr: '',
    status: 0,
  });
  expect(superos(['run', output])).toEqual({ stdout: ';\n', stderr: '', status: 0 });
  expect(superos([output])).toMatchObject({ stdout: ';\n', status: 0 });
  expect(superos(['run', '--invoke', 'state', output])).toMatchObject({ stdout: '41\n', status: 0 });
  expect(superos(['run', '-'], { input: fs.readFileSync(output) })).toMatchObject({ stdout: ';\n', status: 0 });
  expect(fs.readdirSync(tree.path).sort()).toEqual(['app.tpl', 'app.wat']);
});

test('what the program reads until then is told, and the same for all', () => {
  using tree = temporaryTree({ 'app.wat': SOURCE });
  const [program, output] = [path.join(tree.path, 'app.wat'), path.join(tree.path, 'app.tpl')];
  const built = superos(['template', 'build', '--until', 'later', '--cap', 'random', program, '-o', output, '--', 'Zed']);
  expect(built).toMatchObject({ status: 0, stderr: expect.stringContaining('args_get (1), random_get (1)') });
  expect(superos(['run', '--invoke', 'state', output])).toMatchObject({ stdout: `${'Z'.charCodeAt(0)}\n` });
});

test('what cannot be built or run says so in one line', () => {
  using tree = temporaryTree({ 'app.wat': SOURCE, 'old.tpl': 'x' });
  const at = (name: string) => path.join(tree.path, name);
  const fails = (args: readonly string[], status: number, text: string) => {
    const ended = superos(args);
    expect(ended).toMatchObject({ status, stdout: '', stderr: expect.stringContaining(text) });
    expect(ended.stderr.split('\n')).toHaveLength(2);
  };
  fails(['template', 'build', at('app.wat'), '-o', at('app.bin')], 125, 'ends in .tpl');
  fails(['template', 'build', at('none.wat'), '-o', at('app.tpl')], 127, 'there is no program');
  fails(['template', 'build', at('app.wat'), '-o', at('app.tpl'), '--until', 'never'], 125, 'exports no function never');
  fails(['template', 'build', at('app.wat'), '-o', at('app.tpl'), '--memory', 'much'], 125, '--memory');
  fails(['template', 'build', at('app.wat'), '-o', at('no/app.tpl')], 125, 'cannot be written');
  fails(['run', at('old.tpl')], 126, 'old.tpl');
  superos(['template', 'build', at('app.wat'), '-o', at('app.tpl')]);
  const bytes = fs.readFileSync(at('app.tpl'));
  bytes[bytes.length - 1]! ^= 1;
  fs.writeFileSync(at('app.tpl'), bytes);
  fails(['run', at('app.tpl')], 126, 'the template is damaged');
  fs.truncateSync(at('app.tpl'), 30);
  fails(['run', at('app.tpl')], 126, 'cut short');
});
