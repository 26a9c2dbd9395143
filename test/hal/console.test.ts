import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Stream } from '../../src/hal/console.ts';
import { nodeStream } from '../../src/hal/node/console.ts';
import { simHal } from '../../src/hal/sim/hal.ts';

const CHILD = `${process.execPath} --no-warnings ${path.join(import.meta.dirname, 'console-child.ts')}`;
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'superos-console-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));

/** A running program whose output can be awaited, so that no test has to guess how long something takes. */
class Run {
  readonly child: ChildProcess;
  output = '';
  error = '';
  readonly ended: Promise<number | null>;
  #changed: () => void = () => {};

  constructor(command: string, args: string[], options: SpawnOptions = {}) {
    this.child = spawn(command, args, options);
    this.child.stdout?.on('data', (data) => {
      this.output += data;
      this.#changed();
    });
    this.child.stderr?.on('data', (data) => {
      this.error += data;
      this.#changed();
    });
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
  }

  /** Waits until `pattern` was printed `times` times. */
  async says(pattern: string, times = 1): Promise<void> {
    while (`${this.output}${this.error}`.split(pattern).length <= times) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

/** A shell gives real pipes, where Node would give sockets. */
const shell = (script: string) => new Run('bash', ['-c', script.replaceAll('CHILD', CHILD)]);

describe('input from a pipe', () => {
  test('is read as asked for, and the rest left for the next process', async () => {
    const run = shell("printf 'hello world' | { CHILD read 3 2; cat; }");
    await run.ended;
    expect(run.error).toBe('3 "hel"\n3 "lo "\n');
    expect(run.output).toBe('world');
  });

  test('is waited for without taking more than was asked for', async () => {
    const run = shell('cat | { CHILD read 3 2; cat; }');
    await run.says('wait');
    run.child.stdin?.end('hello world');
    await run.ended;
    expect(run.error).toBe('wait\n3 "hel"\n3 "lo "\n');
    expect(run.output).toBe('world');
  });

  test('comes piece by piece, and ends', async () => {
    const run = shell('cat | CHILD read 100 10');
    await run.says('wait');
    run.child.stdin?.write('one');
    await run.says('wait', 2);
    run.child.stdin?.write('a longer one');
    await run.says('wait', 3);
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    expect(run.error).toBe('wait\n3 "one"\nwait\n12 "a longer one"\nwait\n0 ""\n');
  });

  test('that was only waited for loses one byte at most', async () => {
    const run = shell('cat | { CHILD poll; cat; }');
    await run.says('wait');
    run.child.stdin?.end('hello world');
    await run.ended;
    expect(run.output).toBe('ello world');
  });

  test('that nobody waits for any more does not keep the host alive', async () => {
    const run = shell('cat | { CHILD abandon; echo over; exec 0<&-; }');
    await run.says('over');
    run.child.stdin?.end();
    await run.ended;
    expect(run.error).toBe('AGAIN\n');
  });

  test('leaves the mode of the pipe as it was', async () => {
    const run = shell("cat | { CHILD read 3 1; grep -c 'flags:.*04000$' /proc/self/fdinfo/0; cat >/dev/null; }");
    await run.says('wait');
    run.child.stdin?.write('abc');
    await run.says('0');
    run.child.stdin?.end();
    await run.ended;
    expect(run.output.trim()).toBe('0');
  });
});

describe('input from elsewhere', () => {
  test('a file is read at its shared position', async () => {
    const file = path.join(scratch, 'file');
    fs.writeFileSync(file, 'abcdefgh');
    const run = shell(`{ CHILD read 3 1; cat; } < ${file}`);
    await run.ended;
    expect(run.error).toBe('3 "abc"\n');
    expect(run.output).toBe('defgh');
  });

  test.each([
    ['nothing', '< /dev/null', '0 ""\n'],
    ['a closed descriptor', '<&-', '0 ""\n'],
    ['a directory', '< /', 'ISDIR ""\n'],
    ['a device without end', '< /dev/zero', '2 "\\u0000\\u0000"\n'],
  ])('%s', async (_what, redirection, expected) => {
    const run = shell(`CHILD read 2 1 ${redirection}`);
    await run.ended;
    expect(run.error).toBe(expected);
  });

  test('a socket is waited for, and ends', async () => {
    const [command, ...args] = `${CHILD} read 100 10`.split(' ');
    const run = new Run(command!, args, { stdio: 'pipe' });
    await run.says('wait');
    run.child.stdin?.write('hi');
    await run.says('wait', 2);
    run.child.stdin?.end('there');
    expect(await run.ended).toBe(0);
    expect(run.error).toMatch(/^wait\n2 "hi"\nwait\n5 "there"\n(wait\n)?0 ""\n$/);
  });
});

describe('output', () => {
  const BYTES = 1_000_000;

  test('all of it goes through a pipe that is often full', async () => {
    const run = shell(`CHILD write ${BYTES} 10007 | { head -c 1 > /dev/null; wc -c; }`);
    await run.ended;
    expect(Number(run.output)).toBe(BYTES - 1);
    expect(run.error).toMatch(/written\n$/);
  });

  test('a reader that does not read makes one wait, not fail', async () => {
    const fifo = path.join(scratch, 'slow');
    spawnSync('mkfifo', [fifo]);
    const run = shell(`CHILD write ${BYTES} 4096 | { read -r < ${fifo}; wc -c; }`);
    await run.says('full');
    fs.writeFileSync(fifo, 'go\n');
    await run.ended;
    expect(Number(run.output)).toBe(BYTES);
  });

  test('a reader that has gone is PIPE', async () => {
    const fifo = path.join(scratch, 'gone');
    spawnSync('mkfifo', [fifo]);
    const run = shell(`{ read -r < ${fifo}; CHILD write ${BYTES} 4096; } | { exec 0<&-; echo > ${fifo}; }`);
    await run.ended;
    expect(run.error).toBe('PIPE\n');
  });

  test('a reader that goes while one waits is PIPE', async () => {
    const fifo = path.join(scratch, 'going');
    spawnSync('mkfifo', [fifo]);
    const run = shell(`CHILD write ${BYTES} 4096 | { read -r < ${fifo}; }`);
    await run.says('full');
    fs.writeFileSync(fifo, 'go\n');
    await run.ended;
    expect(run.error).toBe('full\nPIPE\n');
  });

  test('goes to a file at its shared position', async () => {
    const file = path.join(scratch, 'output');
    const run = shell(`{ echo before; CHILD write 5 5; echo after; } > ${file}`);
    await run.ended;
    expect(fs.readFileSync(file, 'utf8')).toBe('before\nxxxxxafter\n');
  });

  test('goes through a socket that is often full', async () => {
    const [command, ...args] = `${CHILD} write ${BYTES} 10007`.split(' ');
    const run = new Run(command!, args, { stdio: 'pipe' });
    await run.ended;
    expect(run.output.length).toBe(BYTES);
  });

  test('a closed descriptor reads as /dev/null, which Node puts there', async () => {
    const run = shell('CHILD write 5 5 >&-');
    await run.ended;
    expect(run.error).toBe('written\n');
  });
});

test('each kind of stream is recognised', async () => {
  const run = shell(`CHILD type < ${path.join(import.meta.dirname, 'console-child.ts')} > /dev/null`);
  await run.ended;
  expect(run.error).toBe('regular-file character-device socket\nnull\n');
});

// `script` (util-linux) runs a program on a terminal of its own and types what it is given.
const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null'], { input: '' }).status === 0;
describe.skipIf(!hasScript)('a terminal', () => {
  const terminal = (script: string) => new Run('script', ['-qec', `bash -c '${script.replaceAll('CHILD', CHILD)}'`, '/dev/null']);

  test('gives a line at a time, and ends at Ctrl-D', async () => {
    const run = terminal('CHILD read 100 10');
    await run.says('wait');
    run.child.stdin?.write('abc\n');
    await run.says('wait', 2);
    run.child.stdin?.write('\n');
    await run.says('wait', 3);
    run.child.stdin?.write('\x04');
    expect(await run.ended).toBe(0);
    const lines = run.output.split('\r\n').filter((line) => /^\d/.test(line));
    expect(lines).toEqual(['4 "abc\\n"', '1 "\\n"', '0 ""']);
  });

  test('keeps what is not read for the next process', async () => {
    const run = terminal('CHILD read 2 1; read -r rest; echo "rest=$rest"');
    await run.says('wait');
    run.child.stdin?.write('abcdef\n');
    await run.ended;
    expect(run.output).toContain('2 "ab"');
    expect(run.output).toContain('rest=cdef');
  });

  test('goes on after its end of input', async () => {
    const run = terminal('CHILD read 9 2; CHILD read 9 1');
    await run.says('wait');
    run.child.stdin?.write('\x04');
    await run.says('wait', 2);
    run.child.stdin?.write('more\n');
    await run.ended;
    expect(run.output).toContain('5 "more\\n"');
  });

  test('Ctrl-C stays a signal', async () => {
    const run = terminal('CHILD read 100 1; echo status=$?');
    await run.says('wait');
    run.child.stdin?.write('\x03');
    await run.ended;
    expect(run.output).not.toContain('"');
  });

  test('has a size, and is a character device', async () => {
    const run = terminal('stty cols 90 rows 33; CHILD type');
    await run.ended;
    expect(run.output).toContain('terminal terminal terminal');
    expect(run.output).toContain('{"columns":90,"rows":33}');
  });

  test('gets all of the output', async () => {
    const run = terminal('CHILD write 300000 4096');
    await run.ended;
    expect(run.output.replace(/[^x]/g, '').length).toBe(300_000);
  });
});

/** The two ends of one stream: what is written to `near`, `far` gives, and the other way round. */
interface Ends {
  input: Stream;
  output: Stream;
  /** Lets waiting happen where time is simulated. */
  settle(waiting: Promise<void>): Promise<void>;
}

const drivers: [string, () => Ends][] = [
  [
    'node',
    () => {
      const fifo = path.join(scratch, `fifo-${Math.random()}`);
      spawnSync('mkfifo', [fifo]);
      const fd = fs.openSync(fifo, 'r+');
      return { input: nodeStream(fd, 'read'), output: nodeStream(fd, 'write'), settle: (waiting) => waiting };
    },
  ],
  [
    'sim',
    () => {
      const { timeline, stream } = simHal({ seed: 1, faults: { again: 0.3, short: 0.3 } });
      const both = stream();
      const settle = async (waiting: Promise<void>) => {
        let done = false;
        void waiting.then(() => {
          done = true;
        });
        while (!done) {
          await timeline.run();
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      return { input: both, output: both, settle };
    },
  ],
];

describe.each(drivers)('stream contract: %s', (_name, make) => {
  const bytes = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7) & 0xff);

  test('carries bytes in order, and says AGAIN when there are none', async () => {
    const { input, output, settle } = make();
    const got: number[] = [];
    const into = new Uint8Array(1000);
    let sent = 0;
    while (got.length < bytes.length) {
      const put = sent < bytes.length ? output.write(bytes, sent, Math.min(700, bytes.length - sent)) : 'AGAIN';
      if (typeof put === 'number') sent += put;
      const count = input.read(into, 3, 900);
      if (typeof count === 'number') got.push(...into.subarray(3, 3 + count));
      else {
        expect(count).toBe('AGAIN');
        const ready = input.ready('read');
        if (ready && sent === bytes.length && got.length < bytes.length) await settle(ready);
      }
    }
    expect(Uint8Array.from(got)).toEqual(bytes);
    expect(input.read(into, 0, 1)).toBe('AGAIN');
    input.close();
    output.close();
  });

  test('wakes who waits for input', async () => {
    const { input, output, settle } = make();
    const into = new Uint8Array(10);
    expect(input.read(into, 0, 10)).toBe('AGAIN');
    const ready = input.ready('read')!;
    expect(ready).toBeInstanceOf(Promise);
    while (output.write(bytes, 1, 1) === 'AGAIN');
    await settle(ready);
    let got = input.read(into, 0, 10);
    while (got === 'AGAIN') got = input.read(into, 0, 10);
    expect(got).toBe(1);
    expect(into[0]).toBe(bytes[1]);
    expect(input.read(into, 0, 0)).toBe(0);
    input.close();
    output.close();
  });

  test('fills up, wakes who waits for room, and loses nothing', async () => {
    const { input, output, settle } = make();
    let sent = 0;
    let ready: Promise<void> | undefined;
    while (!ready) {
      const put = output.write(bytes, 0, 4096);
      if (typeof put === 'number') sent += put;
      else ready = output.ready('write');
    }
    expect(output.write(bytes, 0, 1)).toBe('AGAIN');
    const into = new Uint8Array(100_000);
    let got = 0;
    let open = true;
    const drained = settle(ready).then(() => {
      open = false;
    });
    while (open || got < sent) {
      const count = input.read(into, 0, into.length);
      if (typeof count === 'number') got += count;
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await drained;
    expect(got).toBe(sent);
    input.close();
    output.close();
  });

  test('after closing, everything is BADF, twice closed too', () => {
    const { input, output } = make();
    input.close();
    input.close();
    output.close();
    output.close();
    expect(input.read(new Uint8Array(1), 0, 1)).toBe('BADF');
    expect(output.write(new Uint8Array(1), 0, 1)).toBe('BADF');
    expect(input.ready('read')).toBeUndefined();
    expect(output.ready('write')).toBeUndefined();
  });
});
