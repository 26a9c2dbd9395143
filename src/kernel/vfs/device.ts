// /dev: null, zero, random, and tty where the process has a console. Each is what the process may use anyway, by name.
import type { Stream } from '../../hal/console.ts';
import type { Directory, Entry, File, FileStat, OpenOptions } from '../../hal/disk.ts';
import type { Entropy } from '../../hal/entropy.ts';
import type { Errno } from '../../hal/errno.ts';
import { Event } from '../../hal/event.ts';

/** Bytes that one read of an endless device gives at most, so that it ends soon. */
const PIECE = 1 << 20;

interface Device {
  readonly terminal?: boolean;
  read(into: Uint8Array, at: number, length: number): number | Errno;
  write(from: Uint8Array, at: number, length: number): number | Errno;
  ready(event: 'read' | 'write'): Promise<void> | undefined;
}

const sink = { write: (_from: Uint8Array, _at: number, length: number) => length, ready: () => undefined };
const nothing: Device = { ...sink, read: () => 0 };
const zero: Device = {
  ...sink,
  read: (into, at, length) => {
    const count = Math.min(length, PIECE);
    into.fill(0, at, at + count);
    return count;
  },
};
const random = (entropy: Entropy): Device => ({
  ...sink,
  read: (into, at, length) => {
    const count = Math.min(length, PIECE);
    entropy.fill(into, at, count);
    return count;
  },
});
const terminal = (input: Stream, output: Stream): Device => ({
  terminal: true,
  read: (into, at, length) => input.read(into, at, length),
  write: (from, at, length) => output.write(from, at, length),
  ready: (event) => (event === 'read' ? input : output).ready(event),
});

/** A device as an open file. Its attributes are fixed; it has no times. */
class DeviceFile implements File {
  readonly kind = 'file';
  readonly type = 'character-device';
  readonly #device: Device;
  readonly #inode: bigint;

  constructor(device: Device, inode: bigint) {
    this.#device = device;
    this.#inode = inode;
  }

  get terminal(): boolean {
    return this.#device.terminal ?? false;
  }
  read(into: Uint8Array, at: number, length: number): number | Errno {
    return this.#device.read(into, at, length);
  }
  write(from: Uint8Array, at: number, length: number): number | Errno {
    return this.#device.write(from, at, length);
  }
  ready(event: 'read' | 'write'): Promise<void> | undefined {
    return this.#device.ready(event);
  }
  stat(): FileStat {
    return attributes('character-device', this.#inode, 0o666);
  }
  setSize(): Errno {
    return 'INVAL';
  }
  setTimes(): Errno {
    return 'PERM';
  }
  allocate(): Errno {
    return 'SPIPE';
  }
  advise(): Errno {
    return 'SPIPE';
  }
  sync(): Errno {
    return 'INVAL';
  }
  setFlags(): undefined {
    return undefined;
  }
  setMode(): Errno {
    return 'PERM';
  }
  close(): void {}
}

const attributes = (type: FileStat['type'], inode: bigint, mode: number): FileStat => ({
  device: 0n,
  inode,
  type,
  mode,
  links: 1n,
  size: 0n,
  accessed: 0n,
  modified: 0n,
  changed: 0n,
});

/** The directory itself: nothing in it can be made, removed or renamed. */
class DeviceDirectory implements Directory {
  readonly kind = 'directory';
  readonly #devices: readonly (readonly [name: string, Device])[];

  constructor(devices: readonly (readonly [string, Device])[]) {
    this.#devices = devices;
  }

  open(path: string, options: OpenOptions): File | Directory | Errno {
    const found = this.#find(path);
    if (typeof found === 'string') return options.create && found === 'NOENT' ? 'PERM' : found;
    if (options.create && options.exclusive) return 'EXIST';
    if (found === 0) return options.write ? 'ISDIR' : this;
    return options.directory ? 'NOTDIR' : new DeviceFile(this.#devices[found - 1]![1], BigInt(found));
  }
  stat(path: string): FileStat | Errno {
    const found = this.#find(path);
    if (typeof found === 'string') return found;
    return found === 0 ? attributes('directory', 0n, 0o555) : attributes('character-device', BigInt(found), 0o666);
  }
  list(): readonly Entry[] {
    return this.#devices.map(([name], i) => ({ name, inode: BigInt(i + 1), type: 'character-device' }));
  }
  makeDirectory(path: string): Errno {
    return this.#refuse(path);
  }
  removeDirectory(path: string): Errno {
    return this.#refuse(path);
  }
  unlink(path: string): Errno {
    return this.#refuse(path);
  }
  rename(path: string): Errno {
    return this.#refuse(path);
  }
  link(path: string): Errno {
    return this.#refuse(path);
  }
  symlink(_target: string, path: string): Errno {
    return this.#refuse(path);
  }
  readlink(path: string): { error: Errno } {
    const found = this.#find(path);
    return { error: typeof found === 'string' ? found : 'INVAL' };
  }
  setTimes(path: string): Errno {
    return this.#refuse(path);
  }
  setMode(path: string): Errno {
    return this.#refuse(path);
  }
  sync(): undefined {
    return undefined;
  }
  linkless(): Directory {
    return this;
  }
  close(): void {}

  #refuse(path: string): Errno {
    const found = this.#find(path);
    return found === 'PERM' ? found : 'ROFS';
  }

  /** 0 for the directory, else the device's place, counted from 1. */
  #find(path: string): number | Errno {
    const components = path.split('/').filter((component) => component !== '' && component !== '.');
    if (components[0] === '..') return 'PERM';
    if (components.length === 0) return 0;
    const place = this.#devices.findIndex(([name]) => name === components[0]) + 1;
    if (place === 0) return 'NOENT';
    return components.length === 1 ? place : 'NOTDIR';
  }
}

/** What allows a device to a process: it works as long as that is alive. */
export interface Permit {
  readonly live: boolean;
  /** Resolves when it no longer is. */
  gone(): Promise<void>;
}

function permitted(permit: Permit, device: Device): Device {
  // The end of the permit is waited for once, however often the device is: whoever waits is held until then.
  const events = { read: new Event(), write: new Event() };
  const heard = new WeakSet<Promise<void>>();
  const hear = (what: Promise<void>, fire: () => void) => {
    if (heard.has(what)) return;
    heard.add(what);
    what.then(fire);
  };
  return {
    ...(device.terminal && { terminal: true }),
    read: (into, at, length) => (permit.live ? device.read(into, at, length) : 'NXIO'),
    write: (from, at, length) => (permit.live ? device.write(from, at, length) : 'NXIO'),
    ready: (event) => {
      const ready = permit.live ? device.ready(event) : undefined;
      if (ready === undefined) return undefined;
      hear(ready, () => events[event].fire());
      hear(permit.gone(), () => {
        events.read.fire();
        events.write.fire();
      });
      return events[event].wait();
    },
  };
}

export interface DevicesGiven {
  /** For `random`. */
  readonly entropy?: { readonly source: Entropy; readonly permit: Permit } | undefined;
  /** For `tty`; without a permit for as long as the process lives. */
  readonly terminal?: { readonly input: Stream; readonly output: Stream; readonly permit: Permit | undefined } | undefined;
}

/** /dev for a process: what is always there, and what it is allowed. */
export function devices({ entropy, terminal: tty }: DevicesGiven): Directory {
  const list: (readonly [string, Device])[] = [
    ['null', nothing],
    ['zero', zero],
  ];
  if (entropy !== undefined) {
    const device = permitted(entropy.permit, random(entropy.source));
    list.push(['random', device], ['urandom', device]);
  }
  if (tty !== undefined) {
    const device = terminal(tty.input, tty.output);
    list.push(['tty', tty.permit === undefined ? device : permitted(tty.permit, device)]);
  }
  return new DeviceDirectory(list);
}
