// What a run says of calls that no capability allowed: the grant that would, as `--cap` takes it, unless none would.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { superos } from '../e2e/command.ts';
import { guest } from '../machine/guests.ts';

const coreutils = path.join(import.meta.dirname, '../../node_modules/@rivet-dev/agent-os-coreutils/wasm');
const scratch = fs.mkdtempSync(path.join(tmpdir(), 'superos-refusals-'));
fs.mkdirSync(path.join(scratch, 'data'));
fs.writeFileSync(path.join(scratch, 'data/a'), 'a\n');
fs.writeFileSync(path.join(scratch, 'listed.yaml'), 'process:\n  capabilities:\n    - random\n');
afterAll(() => fs.rmSync(scratch, { recursive: true }));

const run = (...args: string[]) => superos(['run', ...args], { cwd: scratch });
const tool = (name: string) => path.join(coreutils, name);
/** The lines about refusals. */
const told = ({ stderr }: { stderr: string }) => stderr.split('\n').filter((line) => line.includes(' was refused '));
const advised = (line = '') => /\(--cap (\S+)\)$/.exec(line)?.[1] ?? '';

describe('a call that no capability allows', () => {
  test('in a directory that is only to be read', () => {
    const [line, ...more] = told(run('-v', './data:/data:ro', tool('touch'), '/data/b'));
    expect(line).toBe(
      'superos: touch was refused path_open of /data/b, to write; to allow it, give it dir:./data:/data in place of dir:./data:/data:ro (--cap dir:./data:/data)',
    );
    expect(more).toEqual([]);
    expect(run('--cap', advised(line), tool('touch'), '/data/b')).toEqual({ stdout: '', stderr: '', status: 0 });
    expect(told(run('--dir', 'data::/data', tool('rm'), '/data/b'))).toEqual([]);
  });

  test('by its name', () => {
    expect(told(run('-v', './data:/data:ro', tool('rm'), '/data/a'))).toEqual([
      expect.stringContaining('was refused path_unlink_file of /data/a; to allow it, give it dir:./data:/data '),
    ]);
  });

  test('of the clock', () => {
    const [line] = told(run('--cap', 'none', tool('date')));
    expect(line).toBe('superos: date was refused clock_time_get of the clock realtime; to allow it, give it clock (--cap clock)');
    expect(run('--cap', 'none', '--cap', advised(line), '--cap', 'random', tool('date')).status).toBe(0);
  });

  test.each([
    [['connect', 'endpoint', 'example.org', '80'], 'net_connect of example.org:80', 'net:connect:example.org:80'],
    [['connect', 'endpoint', '::1', '80'], 'net_connect of ::1:80', 'net:connect:[::1]:80'],
    [['listen', 'endpoint', '127.0.0.1', '0'], 'net_listen of 127.0.0.1:0', 'net:listen:127.0.0.1:0'],
    [['bind', 'endpoint', '127.0.0.1', '0'], 'net_bind of 127.0.0.1:0', 'net:bind:127.0.0.1:0'],
    [['resolve', 'endpoint', 'example.org'], 'net_resolve of example.org', 'net:resolve:example.org'],
  ])('of the network: %s', (args, call, grant) => {
    const [line] = told(run('--cap', 'net:connect:other.example:443', guest('net-probe'), ...args));
    expect(line).toBe(`superos: net-probe.wasm was refused ${call}; to allow it, give it ${grant} (--cap ${grant})`);
  });

  test('of what it was given nothing of', () => {
    expect(told(run(guest('net-probe'), 'connect', 'endpoint', 'example.org', '80'))).toEqual([
      'superos: net-probe.wasm was refused cap_find; to allow it, give it net:connect:HOST:PORT (--cap net:connect:HOST:PORT)',
    ]);
  });

  test.each(['constructor', '__proto__', 'toString'])('of a kind that there is not: %s', (name) => {
    expect(told(run(guest('net-probe'), 'connect', name, 'example.org', '80'))).toEqual([]);
  });

  test('by a policy that lists capabilities: they are the place to add it', () => {
    const { stderr } = run('--policy', './listed.yaml', tool('date'));
    expect(told({ stderr })).toEqual([
      "superos: date was refused clock_time_get of the clock realtime; to allow it, ./listed.yaml:3: add '- clock' to capabilities",
    ]);
  });

  test('where nothing of the policy is enforced, too', () => {
    const { stderr } = run(
      '--policy',
      './listed.yaml',
      '--policy-mode',
      'audit',
      '-v',
      './data:/data:ro',
      tool('touch'),
      '/data/b',
    );
    expect(stderr).toContain('touch was refused path_open of /data/b, to write; to allow it, ./listed.yaml:3: add');
  });

  test('as JSON', () => {
    const { stderr } = run('--json', '--cap', 'none', tool('date'));
    expect(JSON.parse(stderr.trim().split('\n').at(-1)!).refused).toEqual([
      {
        call: 'clock_time_get',
        facts: { clock: 'realtime' },
        action: { do: 'errno', errno: 'NOTCAPABLE' },
        remedy: 'give it clock (--cap clock)',
        count: 1,
      },
    ]);
  });
});

describe('the audit log', () => {
  test('says what each was about, and what was missing; different ones are told apart', () => {
    run('--audit', 'log', '-v', './data:/data:ro', tool('touch'), '/data/b', '/data/c');
    const lines = fs.readFileSync(path.join(scratch, 'log'), 'utf8').trim().split('\n');
    const events = lines.map((line) => JSON.parse(line));
    expect(events.filter(({ what }) => what === 'refuse')).toMatchObject(
      ['/data/b', '/data/c'].map((paths) => ({
        call: 'path_open',
        kind: 'directory',
        name: 'dir:./data:/data:ro',
        lacking: expect.stringContaining('pathCreateFile'),
        paths,
      })),
    );
    expect(events.find(({ what, kind }) => what === 'grant' && kind === 'clock')).toMatchObject({ rights: 'read transfer' });
  });

  test('says what was looked for that was not there, and of a name no more than can be kept', () => {
    for (const [name, wanted] of [
      ['nothing', 'nothing'],
      ['x'.repeat(3000), 'x'.repeat(256)],
    ]) {
      fs.rmSync(path.join(scratch, 'log'), { force: true });
      run('--audit', 'log', guest('net-probe'), 'connect', name!, 'example.org', '80');
      const lines = fs.readFileSync(path.join(scratch, 'log'), 'utf8').trim().split('\n');
      const events = lines.map((line) => JSON.parse(line));
      expect(events.filter(({ what }) => what === 'refuse')).toMatchObject([{ call: 'cap_find', wanted }]);
    }
  });
});

test('a program cannot change the policies that it may put others under', () => {
  const text = 'process: { denied_syscalls: [path_open] }\n';
  fs.writeFileSync(path.join(scratch, 'inner.yaml'), text);
  fs.writeFileSync(
    path.join(scratch, 'outer.yaml'),
    'process: { capabilities: [clock, random, dev, "dir:.", "policy:./inner.yaml"] }\n',
  );
  for (const options of [
    ['--cap', 'policy:./inner.yaml', '--dir', '.'],
    ['--policy', './outer.yaml'],
  ]) {
    const { status } = run(...options, tool('cp'), './outer.yaml', './inner.yaml');
    expect(status).not.toBe(0);
    expect(fs.readFileSync(path.join(scratch, 'inner.yaml'), 'utf8')).toBe(text);
  }
  expect(run('--cap', 'policy:./inner.yaml', '--dir', '.', tool('cp'), './outer.yaml', './other.yaml').status).toBe(0);
});
