// `superos policy learn`: what a program did once it may do again, and without any entry it may not.
import fs from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Ended, ended, guest, start, superos } from '../e2e/command.ts';

const scratch = fs.mkdtempSync(path.join(tmpdir(), 'superos-learn-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));
const at = (name: string) => path.join(scratch, name);

beforeEach(() => {
  for (const name of fs.readdirSync(scratch)) fs.rmSync(at(name), { recursive: true });
  fs.mkdirSync(at('data'));
});

const run = (...args: string[]): Ended => superos(args, { cwd: scratch, input: '' });
const learn = (...args: string[]): Ended => run('policy', 'learn', ...args);
const VOLUME = ['-v', './data:/data'];

test('a program learned, then run under what was learned, passes', () => {
  expect(learn('-o', 'fs.yaml', ...VOLUME, '--', guest('fs'), '/data')).toMatchObject({ stderr: '', status: 0 });
  expect(run('policy', 'check', 'fs.yaml')).toMatchObject({ stdout: expect.stringMatching(/fs\.yaml: valid\n$/), status: 0 });
  expect(run('--policy', 'fs.yaml', guest('fs'), '/data')).toMatchObject({ stderr: '', status: 0 });
});

test('so does one that starts another: what that did is learned, too', () => {
  fs.copyFileSync(path.join(import.meta.dirname, '../../node_modules/@rivet-dev/agent-os-coreutils/wasm/env'), at('env'));
  fs.copyFileSync(guest('fs'), at('fs.wasm'));
  const line = [...VOLUME, '--cap', 'program:fs.wasm', './env', 'fs', '/data'];
  const learned = learn('-o', 'p.yaml', ...line);
  expect(learned).toMatchObject({ stderr: '', status: 0 });
  expect(fs.readFileSync(at('p.yaml'), 'utf8')).toContain('program:fs.wasm');
  expect(fs.readFileSync(at('p.yaml'), 'utf8')).toContain('path_create_directory');
  expect(run('--policy', 'p.yaml', './env', 'fs', '/data')).toMatchObject({ stdout: learned.stdout, stderr: '', status: 0 });
  // What only the child does is refused to it, and told with its name.
  const text = fs.readFileSync(at('p.yaml'), 'utf8');
  fs.writeFileSync(at('less.yaml'), text.replace(/ {4}- call: path_create_directory.*\n( {6,}.*\n)*/, ''));
  const refused = run('--policy', 'less.yaml', './env', 'fs', '/data');
  expect(refused.stderr).toContain('superos: fs.wasm was refused path_create_directory');
  expect(refused.status).not.toBe(0);
});

test('with one entry taken out it fails, and is told where', () => {
  learn('-o', 'hello.yaml', guest('args-env'), 'x');
  const text = fs.readFileSync(at('hello.yaml'), 'utf8');
  const entries = text.match(/^ {4}- .*\n/gm) ?? [];
  expect(entries.length).toBeGreaterThan(3);
  const list = text.split('\n').indexOf('  allowed_syscalls:') + 1;
  for (const entry of entries) {
    fs.writeFileSync(at('less.yaml'), text.replace(entry, ''));
    const { stderr } = run('--policy', 'less.yaml', guest('args-env'), 'x');
    expect([entry, stderr]).toEqual([entry, expect.stringContaining(`less.yaml:${list}`)]);
  }
});

test('what was given and not used is not in it; what was only read is for reading', () => {
  fs.mkdirSync(at('other'));
  fs.writeFileSync(at('data/a'), 'text\n');
  const { stdout } = learn('-o', 'p.yaml', ...VOLUME, '-v', './other:/other', guest('cat'), '/data/a');
  const text = fs.readFileSync(at('p.yaml'), 'utf8');
  expect(stdout).toBe('text\n');
  expect(text).toContain('capabilities:\n    - "dir:./data:/data:ro"\n');
  expect(text).not.toContain('/other');
  expect(text).not.toMatch(/- clock|- random/);
  expect(text).toMatch(/call: path_open # once\n {6}when:\n {8}access: read\n {8}path: \/data\/a\n/);
  expect(text).toMatch(/memory: \d+m # \d+ bytes at its most/);
  expect(run('--policy', 'p.yaml', guest('cat'), '/data/a').stdout).toBe('text\n');
});

test('what the policy gives that it ran under is given by what is learned', () => {
  fs.writeFileSync(at('data/a'), 'text\n');
  fs.writeFileSync(at('wide.yaml'), 'process:\n  capabilities: [clock, "dir:./data:/data"]\n');
  expect(learn('-o', 'p.yaml', '--policy', 'wide.yaml', guest('cat'), '/data/a')).toMatchObject({ stdout: 'text\n', status: 0 });
  expect(fs.readFileSync(at('p.yaml'), 'utf8')).toContain('capabilities:\n    - "dir:./data:/data:ro"\n');
  expect(run('--policy', 'p.yaml', guest('cat'), '/data/a').stdout).toBe('text\n');
});

test('hosts and ports are those that it connected to', async () => {
  const server = net.createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const client = async (...args: string[]) => {
    const child = start([...args, guest('net-client'), '127.0.0.1', String(port)]);
    child.stdin.end('text\n');
    return ended(child);
  };
  expect(await client('policy', 'learn', '-o', at('net.yaml'), '--cap', 'net:connect:127.0.0.0/8:*')).toBe(0);
  const text = fs.readFileSync(at('net.yaml'), 'utf8');
  expect(text).toContain(`host: "127.0.0.1"\n        port: "${port}"\n`);
  expect(text).toContain(`capabilities:\n    - "net:connect:127.0.0.1:${port}"\n`);
  expect(await client('--policy', at('net.yaml'))).toBe(0);
  expect(superos(['policy', 'explain', at('net.yaml'), 'net_connect', '127.0.0.1', '1']).stdout).toMatch(
    /^net_connect .*: errno PERM/,
  );
  server.close();
});

test('without a file: on standard output alone, and what the program writes on standard error; the exit status is its own', () => {
  const hello = learn('--', guest('hello'));
  expect(hello.stderr).toBe('Hello from C\n');
  expect(hello.stdout).toMatch(/^# Learned from a run of .*hello\.wasm: .*\n[\s\S]*- fd_write # once\n/);
  const { stdout, status } = learn(guest('exit'), '7');
  expect({ status, stdout }).toEqual({ status: 7, stdout: expect.stringContaining('allowed_syscalls:') });
});

describe('merge', () => {
  test('adds what is lacking, and leaves the rest as it is', () => {
    fs.writeFileSync(at('data/a'), 'a\n');
    fs.writeFileSync(at('data/b'), 'b\n');
    learn('-o', 'p.yaml', ...VOLUME, guest('cat'), '/data/a');
    const before = fs.readFileSync(at('p.yaml'), 'utf8').replace('  capabilities:', '  # mine\n  capabilities:');
    fs.writeFileSync(at('p.yaml'), before);
    expect(run('--policy', 'p.yaml', guest('cat'), '/data/b').status).not.toBe(0);
    expect(learn('--merge', 'p.yaml', ...VOLUME, guest('cat'), '/data/b')).toMatchObject({
      stdout: 'b\n',
      stderr: '',
      status: 0,
    });
    const after = fs.readFileSync(at('p.yaml'), 'utf8');
    expect(after).toContain('  # mine\n  capabilities:');
    expect(after.length).toBeGreaterThan(before.length);
    for (const line of before.split('\n')) expect(after).toContain(line);
    for (const name of ['a', 'b']) expect(run('--policy', 'p.yaml', guest('cat'), `/data/${name}`).stdout).toBe(`${name}\n`);
    expect(learn('--merge', 'p.yaml', ...VOLUME, guest('cat'), '/data/b').status).toBe(0);
    expect(fs.readFileSync(at('p.yaml'), 'utf8')).toBe(after);
  });

  test('into another file; grants too', () => {
    fs.writeFileSync(at('base.yaml'), 'process:\n  allowed_syscalls: [fd_write] # short\n  capabilities: []\n');
    fs.writeFileSync(at('data/a'), 'a\n');
    expect(learn('--merge', 'base.yaml', '-o', 'new.yaml', ...VOLUME, guest('cat'), '/data/a').status).toBe(0);
    expect(fs.readFileSync(at('base.yaml'), 'utf8')).toContain('[fd_write] # short');
    const text = fs.readFileSync(at('new.yaml'), 'utf8');
    expect(text).toMatch(/allowed_syscalls: \[fd_write, .*\] # short\n {2}capabilities: \["dir:\.\/data:\/data:ro"\]\n/);
    expect(run('--policy', 'new.yaml', guest('cat'), '/data/a').stdout).toBe('a\n');
  });

  test('what is denied stays denied, and is told', () => {
    fs.writeFileSync(at('deny.yaml'), 'process:\n  denied_syscalls:\n    - fd_write\n');
    const { stderr } = learn('--merge', 'deny.yaml', guest('hello'));
    expect(stderr).toBe('superos: fd_write is still refused, by deny.yaml:3\n');
    expect(fs.readFileSync(at('deny.yaml'), 'utf8')).toBe('process:\n  denied_syscalls:\n    - fd_write\n');
  });
});

describe('mistakes, before anything runs', () => {
  test.each<[string, string[], string, number]>([
    ['no program', [], 'a PROGRAM is expected', 125],
    ['a file that is there', ['-o', 'there', guest('hello')], '-o there: it is there already', 125],
    ['no such policy', ['--merge', './absent', guest('hello')], 'there is no policy ./absent', 125],
    ['a bad policy', ['--merge', 'there', guest('hello')], 'there:1:1', 125],
    ['an unknown option', ['--outptu', 'x', guest('hello')], 'did you mean --output?', 125],
    ['an option of run', ['--memory', 'x', guest('hello')], '--memory', 125],
    ['no such program', ['absent.wasm'], 'absent.wasm', 127],
  ])('%s', (_what, args, says, status) => {
    fs.writeFileSync(at('there'), '');
    const { stdout, stderr, status: found } = learn(...args);
    expect({ stdout, status: found }).toEqual({ stdout: '', status });
    expect(stderr).toMatch(/^superos: [^\n]+\n$/);
    expect(stderr).toContain(says);
  });
});
