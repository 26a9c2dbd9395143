// Audit logs: what was recorded is there, in order, and nothing can be done to it unseen.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/caps/audit.ts';
import { seal } from '../../src/machine/audit/chain.ts';
import { lines } from '../../src/machine/audit/lines.ts';
import { lock } from '../../src/machine/audit/lock.ts';
import { AuditLog } from '../../src/machine/audit/log.ts';
import { type Verification, verify } from '../../src/machine/audit/verify.ts';

const scratch = fs.mkdtempSync(path.join(tmpdir(), 'superos-audit-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));

let count = 0;
const fresh = () => path.join(scratch, `log-${count++}.jsonl`);
const now = () => new Date(0);
const event = (detail: object): AuditEvent => ({ what: 'refuse', pid: 1, program: 'p', ...detail }) as unknown as AuditEvent;

function verifyFile(file: string, head?: string): Verification {
  const fd = fs.openSync(file, 'r');
  try {
    return verify(lines(fd), head);
  } finally {
    fs.closeSync(fd);
  }
}

function written(events: readonly object[], file = fresh()): string {
  const log = AuditLog.open(file, { now });
  for (const one of events) log.record(event(one));
  log.close();
  return file;
}

const check = (content: string | Buffer, head?: string): Verification => {
  const file = fresh();
  fs.writeFileSync(file, content);
  return verifyFile(file, head);
};

describe('what is recorded', () => {
  test('a line each: number, time, what happened, and the chain', () => {
    const file = written([{ call: 'path_open' }, { call: 'fd_read' }]);
    const records = fs
      .readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records).toMatchObject([
      { seq: 1, time: '1970-01-01T00:00:00.000Z', what: 'refuse', pid: 1, program: 'p', call: 'path_open', prev: '0'.repeat(64) },
      { seq: 2, call: 'fd_read', prev: records[0].hash },
    ]);
    expect(verifyFile(file)).toEqual({ holds: true, records: 2, head: records[1].hash, recovered: 0, since: undefined });
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });

  test('whatever fields an event has', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.dictionary(fc.oneof(fc.constantFrom('seq', 'time', 'prev', 'hash', '0', '__proto__'), fc.string()), fc.jsonValue()),
          { maxLength: 3 },
        ),
        (events) => {
          const file = fresh();
          const log = AuditLog.open(file, { now });
          for (const one of events) log.record(one as unknown as AuditEvent);
          log.close();
          expect(verifyFile(file)).toMatchObject({ holds: true, records: events.length, head: log.head });
          written([{}], file);
        },
      ),
    );
  });

  test('it is there before record returns', () => {
    const file = fresh();
    const log = AuditLog.open(file);
    for (let i = 1; i <= 3; i++) {
      log.record(event({ i }));
      expect(verifyFile(file)).toMatchObject({ holds: true, records: i, head: log.head });
    }
    log.close();
    log.close();
    expect(() => log.record(event({}))).toThrow('closed');
  });

  test('a record that is too long is none', () => {
    const file = fresh();
    const log = AuditLog.open(file);
    expect(() => log.record(event({ text: 'x'.repeat(2 ** 20) }))).toThrow('too long');
    log.record(event({}));
    log.close();
    expect(verifyFile(file)).toMatchObject({ holds: true, records: 1 });
  });

  test('a log is gone on with', () => {
    const file = written([{ n: 1 }]);
    written([{ n: 2 }], file);
    written([], file);
    expect(verifyFile(file)).toMatchObject({ holds: true, records: 2 });
  });

  test('whatever a guest names, lines are of printable ASCII, and hold it', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), (texts) => {
        const file = written(texts.map((text) => ({ text, nested: { text } })));
        const content = fs.readFileSync(file, 'latin1');
        expect(content).toMatch(/^[ -~\n]*$/);
        const read = content
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line).text);
        expect(read).toEqual(texts);
        expect(verifyFile(file)).toMatchObject({ holds: true, records: texts.length });
      }),
      { numRuns: 50 },
    );
    const steering = '\u001b[2J\u009b31m\u202e\u2028\r\n\u0007\u007f';
    expect(fs.readFileSync(written([{ steering }]), 'latin1')).toMatch(/^[ -~]*\n$/);
  });
});

describe('what was done to it is found', () => {
  const file = written(Array.from({ length: 12 }, (_, i) => ({ call: `call_${i}`, path: `/data/${i}` })));
  const good = fs.readFileSync(file);
  const all = good.toString('latin1').trimEnd().split('\n');
  const joined = (some: readonly string[]) => some.map((line) => `${line}\n`).join('');
  const index = fc.nat(all.length - 1);

  test('any byte that was changed', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bad = Buffer.from(good);
        bad[at]! ^= change;
        const line = good.subarray(0, at).toString('latin1').split('\n').length;
        expect(check(bad)).toMatchObject({ holds: false, line });
      }),
      { numRuns: 500 },
    );
  });

  test('any byte that was taken out or put in', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.boolean(), (at, byte, out) => {
        const put = out ? [] : [Buffer.of(byte)];
        const bad = Buffer.concat([good.subarray(0, at), ...put, good.subarray(out ? at + 1 : at)]);
        expect(check(bad).holds).toBe(bad.equals(good));
      }),
      { numRuns: 500 },
    );
  });

  test('lines that were removed, but for those at the end', () => {
    fc.assert(
      fc.property(index, fc.integer({ min: 1, max: 4 }), (from, length) => {
        const some = all.toSpliced(from, length);
        const found = check(joined(some));
        if (from + length >= all.length) expect(found).toMatchObject({ holds: true, records: from });
        else expect(found).toMatchObject({ holds: false, line: from + 1, fault: 'removed' });
      }),
    );
  });

  test('those at the end, where a hash of them was kept', () => {
    const { head } = verifyFile(file) as { head: string };
    expect(check(good, head)).toMatchObject({ holds: true, since: 0 });
    expect(check(joined(all.slice(0, 9)), head)).toMatchObject({ holds: false, line: 10, fault: 'cut' });
    expect(check(good, JSON.parse(all[4]!).hash)).toMatchObject({ holds: true, since: 7 });
    expect(check(good, '0'.repeat(64))).toMatchObject({ holds: true, since: 12 });
    expect(check('', head)).toMatchObject({ holds: false, line: 1, fault: 'cut' });
  });

  test('lines that changed places', () => {
    fc.assert(
      fc.property(index, index, (a, b) => {
        const some = all.with(a, all[b]!).with(b, all[a]!);
        if (a === b) expect(check(joined(some)).holds).toBe(true);
        else expect(check(joined(some))).toMatchObject({ holds: false, line: Math.min(a, b) + 1, fault: 'reordered' });
      }),
    );
  });

  test('lines that were put in: copies, others, anything', () => {
    const other = fs.readFileSync(written([{ other: 1 }, { other: 2 }]), 'latin1').split('\n');
    const line = fc.oneof(
      fc.constantFrom(...all),
      fc.constantFrom(other[0]!, other[1]!),
      fc.string({ unit: 'binary' }),
      fc.constant('{}'),
    );
    fc.assert(
      fc.property(fc.nat(all.length), line, (at, text) => {
        expect(check(joined(all.toSpliced(at, 0, text))).holds).toBe(false);
      }),
    );
  });

  test('a record sealed anew, by the one after it', () => {
    const { call, prev } = JSON.parse(all[3]!);
    expect(call).toBe('call_3');
    const forged = written([]);
    fs.writeFileSync(forged, joined(all.slice(0, 3)));
    written([{ call: 'harmless' }], forged);
    const line = fs.readFileSync(forged, 'latin1').trimEnd().split('\n')[3]!;
    expect(JSON.parse(line).prev).toBe(prev);
    expect(check(joined(all.with(3, line)))).toMatchObject({ holds: false, line: 5, fault: 'broken' });
  });

  test('a record that somebody sealed with a number that is not its turn', () => {
    const { hash } = JSON.parse(all[2]!);
    const sealed = (seq: number) => seal(seq, now(), event({}), hash).line;
    expect(check(joined([...all.slice(0, 3), sealed(4)]))).toMatchObject({ holds: true });
    expect(check(joined([...all.slice(0, 3), sealed(9)]))).toMatchObject({ holds: false, line: 4, fault: 'removed' });
    expect(check(joined([...all.slice(0, 3), sealed(3)]))).toMatchObject({ holds: false, line: 4, fault: 'inserted' });
  });

  test('files that are no logs', () => {
    expect(check('')).toMatchObject({ holds: true, records: 0 });
    expect(check('hello\n')).toMatchObject({ holds: false, line: 1, fault: 'no-record' });
    expect(check('hello')).toMatchObject({ holds: false, line: 1, fault: 'torn' });
    expect(check(Buffer.alloc(3 * 2 ** 20, 'x'))).toMatchObject({ holds: false, line: 1 });
    expect(check('\n'.repeat(5000))).toMatchObject({ holds: false, line: 1 });
  });
});

describe('a line that was cut', () => {
  test('is told, and the chain goes on after it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 3 }),
        (before, part, after) => {
          const file = written(Array.from({ length: before + 1 }, (_, n) => ({ n })));
          const content = fs.readFileSync(file);
          const start = content.lastIndexOf(10, content.length - 2) + 1;
          const cut = start + 1 + Math.floor(part * (content.length - start - 2));
          fs.truncateSync(file, cut);
          expect(verifyFile(file)).toMatchObject({ holds: false, line: before + 1, fault: 'torn' });
          written(
            Array.from({ length: after }, (_, n) => ({ n })),
            file,
          );
          const whole = cut === content.length - 1;
          expect(verifyFile(file)).toMatchObject({ holds: true, records: before + 1 + after, recovered: whole ? 0 : 1 });
          expect(fs.readFileSync(file).subarray(0, cut)).toEqual(content.subarray(0, cut));
          // What was cut is named: no other line can stand there.
          const bad = fs.readFileSync(file);
          bad[cut - 1]! ^= 1;
          expect(check(bad)).toMatchObject({ holds: false, line: before + 1 });
        },
      ),
      { numRuns: 50 },
    );
  });

  test('a disk that is full', () => {
    const file = fresh();
    const log = AuditLog.open(file);
    const { writeSync } = fs;
    let room = 30;
    fs.writeSync = ((fd: number, bytes: Buffer, at: number) => {
      if (room <= 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      const length = Math.min(room, bytes.length - at);
      room -= length;
      return writeSync(fd, bytes, at, length);
    }) as typeof fs.writeSync;
    try {
      expect(() => log.record(event({ n: 1 }))).toThrow('ENOSPC');
      room = 40;
      expect(() => log.record(event({ n: 2 }))).toThrow('ENOSPC');
      expect(() => log.record(event({ n: 3 }))).toThrow('ENOSPC');
    } finally {
      fs.writeSync = writeSync;
    }
    log.record(event({ n: 4 }));
    log.close();
    expect(() => log.record(event({ n: 5 }))).toThrow('closed');
    expect(verifyFile(file)).toMatchObject({ holds: true, records: 2, recovered: 1 });
  });
});

describe('a file that cannot be gone on with is refused', () => {
  const file = (content: string | Buffer) => {
    const made = fresh();
    fs.writeFileSync(made, content);
    return made;
  };
  const good = () => fs.readFileSync(written([{ n: 1 }, { n: 2 }]), 'latin1');

  test.each<[string, () => string, string]>([
    ['text', () => file('hello\n'), 'no record'],
    ['text without an end', () => file('hello'), 'something else'],
    ['a changed record', () => file(good().replace('"n":2', '"n":3')), 'was changed'],
    ['a line after the last', () => file(`${good()}\n`), 'no record'],
    ['a very long line', () => file(`${'x'.repeat(4_000_000)}\n`), 'longer'],
    ['a directory', () => scratch, 'is a directory'],
    ['a device', () => '/dev/null', 'not a file'],
    ['no such directory', () => path.join(scratch, 'absent/log'), 'ENOENT'],
  ])('%s', (_what, make, says) => {
    const made = make();
    const before = fs.existsSync(made) && fs.statSync(made).isFile() ? fs.readFileSync(made) : undefined;
    expect(() => AuditLog.open(made)).toThrow(says);
    if (before !== undefined) expect(fs.readFileSync(made)).toEqual(before);
  });
});

describe('one writer', () => {
  test('another is refused until the first is done', () => {
    const file = fresh();
    const first = AuditLog.open(file);
    expect(() => AuditLog.open(file)).toThrow('another process');
    first.record(event({}));
    first.close();
    AuditLog.open(file).close();
  });

  test('a process that is killed in the middle of it leaves a log that is gone on with', async () => {
    const file = fresh();
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'audit-child.ts'), file]);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(() => AuditLog.open(file)).toThrow('another process');
    child.kill('SIGKILL');
    await ended;
    const before = fs.readFileSync(file);
    written([{ n: 1 }], file);
    expect(verifyFile(file)).toMatchObject({ holds: true });
    expect(fs.readFileSync(file).subarray(0, before.length)).toEqual(before);
  });

  test('without the lock of the host: a file that says whose it is', () => {
    const file = fresh();
    const beside = `${file}.lock`;
    const unlock = lock(0, file, { host: false });
    expect(fs.readFileSync(beside, 'utf8')).toBe(`${process.pid}\n`);
    expect(lock(0, file, { host: false })).toBeUndefined();
    unlock?.();
    expect(fs.existsSync(beside)).toBe(false);
    // Of a process that is gone, of none that can be told.
    fs.writeFileSync(beside, '4194305\n');
    lock(0, file, { host: false })?.();
    expect(fs.existsSync(beside)).toBe(false);
    fs.writeFileSync(beside, '');
    expect(lock(0, file, { host: false })).toBeUndefined();
  });
});
