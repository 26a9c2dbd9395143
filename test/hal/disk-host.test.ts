// What only the host's disk holds: files that are not regular, and names that are not text.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Directory } from '../../src/hal/disk.ts';
import { nodeDisk } from '../../src/hal/node/disk/disk.ts';
import { directory, errorOf, type Fixture, file, hostDrivers, names, ok, options } from './disks.ts';

describe.each(hostDrivers)('the host, $name', (driver) => {
  let fixture: Fixture;
  let root: Directory;
  let host: string;
  beforeEach(() => {
    fixture = driver.setUp();
    root = fixture.root;
    host = fixture.host ?? '';
  });
  afterEach(() => fixture.dispose());

  test('a FIFO never blocks: AGAIN, ready, bytes, and the end', async () => {
    execFileSync('mkfifo', [`${host}/fifo`]);
    expect(ok(root.stat('fifo', false)).type).toBe('unknown');
    expect(errorOf(root.open('fifo', options({ read: false, write: true })))).toBe('NXIO');
    const reader = file(root.open('fifo', options()));
    const writer = file(root.open('fifo', options({ read: false, write: true })));
    const into = new Uint8Array(8);
    expect(reader.read(into, 0, 8, 0)).toBe('AGAIN');
    const ready = reader.ready('read');
    expect(writer.write(new Uint8Array([104, 105]), 0, 2, 0)).toBe(2);
    await ready;
    expect(reader.read(into, 2, 6, 0)).toBe(2);
    expect([...into]).toEqual([0, 0, 104, 105, 0, 0, 0, 0]);
    expect(reader.write(into, 0, 1, 0)).toBe('BADF');
    expect(writer.read(into, 0, 1, 0)).toBe('BADF');
    expect(reader.setSize(0)).toBe('INVAL');
    expect(reader.allocate(0, 1)).toBe('NODEV');
    expect(reader.advise(0, 1, 'normal')).toBe('SPIPE');
    expect(ok(reader.stat()).type).toBe('unknown');
    writer.close();
    expect(reader.read(into, 0, 8, 0)).toBe(0);
    reader.close();
    expect(reader.read(into, 0, 8, 0)).toBe('BADF');
    // Node's stream on the pipe closes its descriptor in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('character devices are read and written where they are', () => {
    const dev = directory(fixture.disk.open('/dev'));
    const nothing = file(dev.open('null', options({ write: true })));
    expect(nothing.type).toBe('character-device');
    expect(nothing.write(new Uint8Array(64), 0, 64, 0)).toBe(64);
    expect(nothing.read(new Uint8Array(8), 0, 8, 0)).toBe(0);
    expect(nothing.ready('read')).toBeUndefined();
    nothing.close();
    const zero = file(dev.open('zero', options()));
    const into = new Uint8Array(8).fill(1);
    expect(zero.read(into, 4, 4, 0)).toBe(4);
    expect([...into]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    zero.close();
    dev.close();
  });

  test('sockets and block devices are not opened', async () => {
    const server = net.createServer().listen(`${host}/socket`);
    await new Promise((resolve) => server.once('listening', resolve));
    expect(ok(root.stat('socket', false)).type).toBe('socket-stream');
    expect(errorOf(root.open('socket', options({ write: true })))).toBe('NXIO');
    await new Promise((resolve) => server.close(resolve));
    if (process.getuid?.() !== 0) return;
    try {
      execFileSync('mknod', [`${host}/block`, 'b', '1', '0'], { stdio: 'ignore' });
    } catch {
      return;
    }
    expect(errorOf(root.open('block', options()))).toMatch(/^(ACCES|NXIO|PERM)$/);
  });

  test('names and links that are not UTF-8 cannot be told to a guest', () => {
    const strange = Buffer.concat([Buffer.from(`${host}/`), Buffer.from([0x66, 0xff])]);
    fs.writeFileSync(strange, '');
    fs.writeFileSync(`${host}/é`, '');
    fs.symlinkSync(Buffer.from([0xff]), `${host}/l`);
    expect(names(root)).toEqual(['l', 'é']);
    expect(root.readlink('l')).toEqual({ error: 'ILSEQ' });
    expect(root.stat('l', true)).toMatch(/^(ILSEQ|NOENT)$/);
    fs.unlinkSync(strange);
  });

  test('a byte order mark is part of a name', () => {
    fs.writeFileSync(`${host}/\ufefff`, '');
    fs.symlinkSync('\ufefff', `${host}/l`);
    expect(names(root)).toEqual(['l', '\ufefff']);
    expect(root.readlink('l')).toBe('\ufefff');
  });

  test('a directory that a person names may be a link, or not be there', () => {
    fs.mkdirSync(`${host}/d`);
    fs.writeFileSync(`${host}/f`, '');
    fs.symlinkSync(`${host}/d`, `${host}/l`);
    directory(fixture.disk.open(`${host}/l`)).close();
    expect(errorOf(fixture.disk.open(`${host}/none`))).toBe('NOENT');
    expect(errorOf(fixture.disk.open(`${host}/f`))).toBe('NOTDIR');
    expect(fixture.disk.resolution).toBe(driver.name === 'openat2' ? 'openat2' : 'components');
  });

  test('a very deep path takes no more descriptors than it may', () => {
    const path = `${'d/'.repeat(400)}f`;
    fs.mkdirSync(`${host}/${path}`, { recursive: true });
    const stat = root.stat(path, true);
    if (fixture.disk.resolution === 'components') expect(stat).toBe('NAMETOOLONG');
    else expect(ok(stat).type).toBe('directory');
    expect(errorOf(root.open(`${'x'.repeat(250)}/`.repeat(40).slice(0, -1), options()))).toMatch(/^(NOENT|NAMETOOLONG)$/);
  });
});

test('a disk that is made opens nothing', () => {
  const before = fs.readdirSync('/proc/self/fd').length;
  nodeDisk({ protect: ['/none'] });
  expect(fs.readdirSync('/proc/self/fd').length).toBe(before);
});
