// The process's ends of streams that lead to another thread, and the page that tells of it: what is sent when, and what is not
// copied.
import { describe, expect, test } from 'vitest';
import type { Process } from '../../src/kernel/process.ts';
import { NOTHING_SPENT, type Usage } from '../../src/kernel/usage.ts';
import { Inlet, Outlet } from '../../src/machine/thread/ends.ts';
import { newPage, PageReader, PageWriter } from '../../src/machine/thread/page.ts';
import { WINDOW_BYTES } from '../../src/machine/thread/protocol.ts';

const PIPE = 65_536;

function wire() {
  const sent: ArrayBuffer[] = [];
  const counts = { taken: 0, shut: 0 };
  return {
    sent,
    counts,
    data: (bytes: ArrayBuffer) => void sent.push(bytes),
    taken: () => void counts.taken++,
    shut: () => void counts.shut++,
  };
}

const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value);

describe('an output', () => {
  test('small writes are one message, sent when the guest is off the CPU', async () => {
    const end = wire();
    const out = new Outlet(end, false);
    for (let i = 0; i < 5; i++) expect(out.write(bytes(10, i), 0, 10)).toBe(10);
    expect(end.sent).toEqual([]);
    await Promise.resolve();
    expect(end.sent.map(({ byteLength }) => byteLength)).toEqual([50]);
    expect([...new Uint8Array(end.sent[0]!)].filter((_, i) => i % 10 === 0)).toEqual([0, 1, 2, 3, 4]);
  });

  test('what is not sent yet stays as it was while there comes more', async () => {
    const end = wire();
    const out = new Outlet(end, false);
    const lengths = [1, 600, 3000, 40_000];
    for (const [i, length] of lengths.entries()) expect(out.write(bytes(length, i), 0, length)).toBe(length);
    await Promise.resolve();
    expect(end.sent.map((sent) => [...new Uint8Array(sent)])).toEqual([lengths.flatMap((length, i) => [...bytes(length, i)])]);
  });

  test('of a guest that may never be off it: each at once', () => {
    const end = wire();
    const out = new Outlet(end, true);
    out.write(bytes(3), 0, 3);
    out.write(bytes(4), 0, 4);
    expect(end.sent.map(({ byteLength }) => byteLength)).toEqual([3, 4]);
  });

  test('a full buffer is sent as it is, and the next is another', () => {
    const end = wire();
    const out = new Outlet(end, false);
    expect(out.write(bytes(PIPE), 0, PIPE)).toBe(PIPE);
    expect(out.write(bytes(PIPE, 8), 0, PIPE)).toBe(PIPE);
    expect(end.sent.map(({ byteLength }) => byteLength)).toEqual([PIPE, PIPE]);
    expect(end.sent[0]).not.toBe(end.sent[1]);
    expect(new Uint8Array(end.sent[0]!).every((value) => value === 7)).toBe(true);
  });

  test('is full without credit, and has room with it', async () => {
    const end = wire();
    const out = new Outlet(end, false);
    let written = 0;
    for (let got = out.write(bytes(50_000), 0, 50_000); typeof got === 'number'; got = out.write(bytes(50_000), 0, 50_000))
      written += got;
    expect([written, out.write(bytes(1), 0, 1)]).toEqual([WINDOW_BYTES, 'AGAIN']);
    const ready = out.ready('write');
    out.credit(10);
    await ready;
    expect([out.ready('write'), out.write(bytes(50), 0, 50)]).toEqual([undefined, 10]);
    await Promise.resolve();
    expect(end.sent.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(WINDOW_BYTES + 10);
  });

  test('nobody reads: EPIPE, also for who waits; its end sends what is left', async () => {
    const end = wire();
    const out = new Outlet(end, false);
    out.write(bytes(5), 0, 5);
    out.release();
    expect([end.sent.length, end.counts.shut]).toEqual([1, 1]);
    const closed = new Outlet(wire(), false);
    while (typeof closed.write(bytes(PIPE), 0, PIPE) === 'number');
    const ready = closed.ready('write');
    closed.shut();
    await ready;
    expect(closed.write(bytes(1), 0, 1)).toBe('PIPE');
  });
});

describe('an input', () => {
  test('gives what was sent, in any pieces, then the end', () => {
    const end = wire();
    const input = new Inlet(end);
    const into = new Uint8Array(10);
    expect([input.read(into, 0, 10), input.available()]).toEqual(['AGAIN', 0]);
    input.push(Uint8Array.of(1, 2, 3).buffer);
    input.push(Uint8Array.of(4, 5).buffer);
    expect([input.available(), input.read(into, 0, 2), input.read(into, 2, 8)]).toEqual([5, 2, 3]);
    expect([...into.subarray(0, 5)]).toEqual([1, 2, 3, 4, 5]);
    input.end();
    expect([input.read(into, 0, 10), input.ready('read')]).toEqual([0, undefined]);
  });

  test('asks for more when what is left fits into a pipe', () => {
    const end = wire();
    const input = new Inlet(end);
    input.push(new ArrayBuffer(PIPE));
    expect(end.counts.taken).toBe(1);
    input.push(new ArrayBuffer(PIPE));
    expect(end.counts.taken).toBe(1);
    const into = new Uint8Array(PIPE);
    input.read(into, 0, PIPE - 1);
    expect(end.counts.taken).toBe(1);
    input.read(into, 0, 1);
    expect(end.counts.taken).toBe(2);
  });
});

test('a page gives back what was written to it', () => {
  const spent = {
    ...NOTHING_SPENT,
    cpuMs: 1.5,
    memoryPeak: 65_536,
    systemCalls: 7,
    calls: { fd_read: 3, fd_write: 4 },
    bytesRead: 2,
  };
  const usage: Usage = { ...spent, wallMs: 5, children: { ...spent, switches: { voluntary: 8, involuntary: 9 } } };
  const standing = { soft: 1, hard: Number.POSITIVE_INFINITY, used: 2, peak: 3 };
  const limits = Object.fromEntries(
    ['memory', 'processes', 'threads', 'fds', 'pipes', 'output', 'written', 'cpuNs'].map((name) => [name, standing]),
  );
  const page = newPage();
  const thread = { state: 'blocked', times: { created: 1, ready: 2, running: 3, blocked: 4 } };
  const process = {
    parent: { pid: 3 },
    state: 'blocked',
    threads: [thread],
    status: undefined,
    usage: () => usage,
    getLimits: () => limits,
  };
  new PageWriter(page).write(process as unknown as Process);
  const live = new PageReader(page).read(0);
  expect(live).toMatchObject({
    ppid: 3,
    state: 'blocked',
    threads: [thread],
    limits,
    usage: { ...usage, wallMs: expect.any(Number) },
  });
  expect(live.usage.wallMs).toBeGreaterThanOrEqual(5);
  // One whose guest may have run ever since.
  const running = new PageReader(page).read(1);
  expect(running.state).toBe('running');
  expect(running.usage.cpuMs).toBeGreaterThanOrEqual(1.5);
});
