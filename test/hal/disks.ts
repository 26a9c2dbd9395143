// The disk drivers, for suites that each of them has to pass: a fresh, empty directory, and how many descriptors of the host
// are open.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import type { Directory, Disk, File, OpenOptions } from '../../src/hal/disk.ts';
import { nodeDisk } from '../../src/hal/node/disk/disk.ts';
import { RamDisk } from '../../src/hal/ramdisk.ts';

export interface Fixture {
  readonly disk: Disk;
  readonly root: Directory;
  /** Where the directory is on the host, if it is there. */
  readonly host: string | undefined;
  dispose(): void;
}

export interface Driver {
  readonly name: string;
  /** Times are exact to a nanosecond. */
  readonly exactTimes: boolean;
  setUp(): Fixture;
}

const clock = {
  ns: 1_700_000_000_000_000_000n,
  monotonic: () => 0,
  monotonicTime: () => 0n,
  realtime(): bigint {
    this.ns += 1000n;
    return this.ns;
  },
  threadTime: () => 0,
  monotonicStepNs: 1,
  realtimeStepNs: 1,
};

export const ram = (bytes = 1 << 26, entries = 10_000): RamDisk => new RamDisk({ clock, device: 7n, bytes, entries });

export const temporary = (): string => fs.mkdtempSync(path.join(os.tmpdir(), 'superos-disk-'));

/** Descriptors of this process, by what they refer to. Reading them takes one, which is gone when it is looked at. */
export const descriptors = (): string[] =>
  fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return `${fd} ${fs.readlinkSync(`/proc/self/fd/${fd}`)}`;
    } catch {
      return [];
    }
  });

const onHost = (name: string, make: () => Disk, exactTimes: boolean): Driver => ({
  name,
  exactTimes,
  setUp() {
    const host = temporary();
    const before = descriptors();
    const disk = make();
    const root = directory(disk.open(host));
    return {
      disk,
      root,
      host,
      dispose() {
        root.close();
        expect(descriptors()).toEqual(before);
        fs.rmSync(host, { recursive: true });
      },
    };
  },
});

const inMemory: Driver = {
  name: 'memory',
  exactTimes: true,
  setUp() {
    const disk = ram();
    const before = disk.free;
    const root = directory(disk.open('/'));
    return {
      disk,
      root,
      host: undefined,
      dispose() {
        removeAll(root);
        root.close();
        expect(disk.free).toEqual(before);
      },
    };
  },
};

export const hostDrivers: readonly Driver[] = [
  onHost('openat2', () => nodeDisk(), true),
  onHost('components', () => nodeDisk({ resolution: 'components' }), true),
  onHost('components without ffi', () => nodeDisk({ ffi: false }), false),
];

export const drivers: readonly Driver[] = [...hostDrivers, inMemory];

const defaults: OpenOptions = {
  read: true,
  write: false,
  create: false,
  exclusive: false,
  truncate: false,
  directory: false,
  follow: false,
  append: false,
  sync: 'none',
  nonblocking: false,
};

export const options = (changes: Partial<OpenOptions> = {}): OpenOptions => ({ ...defaults, ...changes });

export const directory = (opened: File | Directory | string): Directory => {
  if (typeof opened === 'string' || opened.kind !== 'directory')
    throw new Error(`expected a directory, got ${JSON.stringify(opened)}`);
  return opened;
};

export const file = (opened: File | Directory | string): File => {
  if (typeof opened === 'string' || opened.kind !== 'file') throw new Error(`expected a file, got ${JSON.stringify(opened)}`);
  return opened;
};

/** The error, after closing what should not have been opened. */
export const errorOf = (opened: File | Directory | string): string => {
  if (typeof opened === 'string') return opened;
  opened.close();
  return `opened a ${opened.kind}`;
};

export const ok = <T>(result: T | string): T => {
  if (typeof result === 'string') throw new Error(`unexpected error ${result}`);
  return result;
};

export const subdirectory = (root: Directory, name: string): Directory =>
  directory(root.open(name, options({ directory: true })));

export const put = (root: Directory, name: string, text: string): void => {
  const bytes = new TextEncoder().encode(text);
  const opened = file(root.open(name, options({ write: true, create: true, truncate: true })));
  expect(opened.write(bytes, 0, bytes.length, 0)).toBe(bytes.length);
  opened.close();
};

export const get = (root: Directory, name: string, follow = false): string => {
  const opened = root.open(name, options({ follow }));
  if (typeof opened === 'string') return opened;
  const text = contents(file(opened));
  opened.close();
  return text;
};

export const contents = (opened: File): string => {
  const bytes = new Uint8Array(Number(ok(opened.stat()).size));
  expect(opened.read(bytes, 0, bytes.length, 0)).toBe(bytes.length);
  return new TextDecoder().decode(bytes);
};

export const names = (root: Directory): string[] =>
  ok(root.list())
    .map(({ name }) => name)
    .sort();

const removeAll = (root: Directory): void => {
  for (const { name, type } of ok(root.list())) {
    if (type !== 'directory') expect(root.unlink(name, false)).toBeUndefined();
    else {
      const inner = subdirectory(root, name);
      removeAll(inner);
      inner.close();
      expect(root.removeDirectory(name)).toBeUndefined();
    }
  }
};
