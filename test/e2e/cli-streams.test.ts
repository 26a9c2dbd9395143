// Standard streams, terminals and signals, as programs in a shell expect them.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { ended, guest, LAUNCHER, onTerminal, python, said, shell, start, superos } from './command.ts';

const linux = process.platform === 'linux';
const WAIT = { timeout: 30_000, interval: 20 };

/**
 * Resolves once the command would pass a signal on to its guest: it handles SIGHUP (bit 0 of the mask), as
 * Node itself does not.
 */
const handlesSignals = (pid: number): Promise<void> =>
  vi.waitFor(() => {
    const [, mask = '0'] = /^SigCgt:\s*([0-9a-f]+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    expect(Number(BigInt(`0x${mask}`) & 1n)).toBe(1);
  }, WAIT);

describe('pipes', () => {
  test('megabytes in and out, unchanged', () => {
    const input = Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, i) => (i * 31) ^ (i >> 8)));
    const { stdout, status } = spawnSync(process.execPath, [LAUNCHER, guest('cat')], { input, maxBuffer: 2 ** 30 });
    expect(status).toBe(0);
    expect(stdout.equals(input)).toBe(true);
  });

  test('all is written, to a slow reader too, before the command ends', () => {
    expect(
      shell(`head -c 3000000 /dev/zero | superos ${guest('cat')} | (dd bs=1 count=5000 2> /dev/null; cat) | wc -c`).stdout.trim(),
    ).toBe('3000000');
  });

  test('nobody reads any more: EPIPE, which the program sees', () => {
    const { stdout, stderr, status } = shell(`yes | superos ${guest('cat')} | head -1; exit \${PIPESTATUS[1]}`);
    expect({ stdout, stderr, status }).toEqual({ stdout: 'y\n', stderr: 'cat: stdout: Broken pipe\n', status: 1 });
  });

  test('guests in a row', () => {
    expect(shell(`echo x | superos ${guest('reader')} | superos ${guest('cat')}`)).toEqual({
      stdout: 'read: x\nend\n',
      stderr: '',
      status: 0,
    });
  });

  test('standard output and error stay in order, in one pipe', () => {
    const { stdout } = shell(`superos ${guest('cat')} /absent 2>&1; superos ${guest('proc')} trap 2>&1`);
    expect(stdout).toMatch(/^cat: \/absent: .*\nsuperos: proc.wasm trapped: unreachable\n/);
  });

  test('what the program does not read is left for others', () => {
    expect(shell(`(superos ${guest('exit')} 0; cat) <<< rest`).stdout).toBe('rest\n');
  });

  test.each(['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])('closed: %s', (closed) => {
    expect(shell(`superos ${guest('exit')} 7 ${closed}`).status).toBe(7);
    expect(shell(`superos ${guest('cat')} ${closed} < /dev/null`).status).toBe(0);
  });

  test('a program whose time is over is not waited for because nobody reads what it wrote', () => {
    // The reader stays until the command is gone: one that waited for it would never end.
    const script = `mkfifo f; (exec 9< f; echo > opened; while [ ! -e status ]; do sleep 0.1; done) & superos --timeout 300ms ${guest('spin-write')} 65536 > f 2> said; echo $? > status; cat status said; wait`;
    const { stdout } = shell(`cd "$(mktemp -d)"; ${script}; rm -r "$PWD"`);
    expect(stdout).toMatch(/^124\nsuperos: spin-write\.wasm was ended/);
  });

  test('the command ends with the program, although its input goes on', async () => {
    const child = start([guest('exit'), '3']);
    expect(await ended(child)).toBe(3);
  });
});

describe.runIf(linux)('signals', () => {
  const SIGNALS: [NodeJS.Signals, number][] = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ];

  test.each(SIGNALS)('%s ends a program that waits', async (signal, status) => {
    const child = start([guest('reader')]);
    child.stdin.write('first\n');
    await said(child, 'read: first\n');
    await handlesSignals(child.pid!);
    child.kill(signal);
    expect(await ended(child)).toBe(status);
  });

  test.each(SIGNALS)('%s ends a program that only makes calls', async (signal, status) => {
    const child = start([guest('spin-calls')]);
    await handlesSignals(child.pid!);
    child.kill(signal);
    expect(await ended(child)).toBe(status);
  });

  test('the reason is in the JSON', async () => {
    const child = start(['--json', guest('sleeper'), '100000']);
    await handlesSignals(child.pid!);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('close', resolve));
    expect(JSON.parse(stderr)).toMatchObject({ code: null, signal: 'SIGINT', reason: 'signal' });
  });

  test('a second one ends the command although its output is not read', async () => {
    const child = spawn(process.execPath, [LAUNCHER, guest('spin-write'), '65536'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await handlesSignals(child.pid!);
    let status: number | null | undefined;
    child.once('exit', (code) => {
      status = code;
    });
    await vi.waitFor(() => {
      child.kill('SIGINT');
      expect(status).toBe(130);
    }, WAIT);
  });
});

describe.runIf(python)('a terminal', () => {
  test('is one for the program, a pipe is none', () => {
    const lines = (output: string) => output.replaceAll('\r', '').trim().split('\n');
    expect(lines(onTerminal([], [guest('echo-tty')]).output)).toEqual([0, 1, 2].map((fd) => `${fd}: tty`));
    for (const line of lines(superos([guest('echo-tty')]).stdout)) expect(line).toContain('not a tty');
  });

  test('gives lines, and its end of input', () => {
    const { output, status } = onTerminal(
      [
        ['send', 'one\n'],
        ['expect', 'read: one'],
        ['send', 'two\n'],
        ['expect', 'read: two'],
        ['send', '\u0004'],
      ],
      [guest('reader')],
    );
    expect(output).toContain('end');
    expect(status).toBe(0);
  });

  test('Ctrl-C ends a program that waits', () => {
    const { status } = onTerminal(
      [
        ['send', 'one\n'],
        ['expect', 'read: one'],
        ['send', '\u0003'],
      ],
      [guest('reader')],
    );
    expect(status).toBe(130);
  });

  test('that was hung up: end of input, and no way out', () => {
    const script = path.join(import.meta.dirname, 'hungup.py');
    const status = (name: string, ...args: string[]) =>
      spawnSync('python3', [script, process.execPath, LAUNCHER, guest(name), ...args]).status;
    expect(status('exit', '5')).toBe(5);
    expect(status('cat')).toBe(0);
    expect(status('hello')).not.toBe(125);
  });

  test('an error is one line without escape sequences', () => {
    const { output, status } = onTerminal([], ['no\u001b[31m']);
    expect(output).toMatch(/^superos: [^\r\n]+\r\n$/);
    expect(output).not.toContain('\u001b');
    expect(status).toBe(127);
  });
});
