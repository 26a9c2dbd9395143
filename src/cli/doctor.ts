// `superos doctor`: what this host offers, and what is lost without each of it. It looks, it changes nothing but the cache
// directories that any run would make.

import type { CacheStatus } from '../hal/cache.ts';
import type { Disk } from '../hal/disk.ts';
import type { Hal } from '../hal/hal.ts';
import { DiskCache } from '../hal/node/cache.ts';
import { nodeDevices } from '../hal/node/devices.ts';
import { direct } from '../hal/node/direct.ts';
import { loadFfi } from '../hal/node/ffi.ts';
import { processBounds } from '../hal/node/host.ts';
import { nodeMmu } from '../hal/node/mmu/mmu.ts';
import { plain } from '../kernel/printable.ts';
import { STATUS, say } from './error.ts';

/** All that is asked of the host; tests give their own. */
export interface Probes {
  readonly node: string;
  readonly v8: string;
  /** Stacks that can be suspended (JavaScript Promise Integration). */
  readonly jspi: () => boolean;
  readonly ffi: () => boolean;
  /** Why the host's system calls cannot be made without a detour, undefined where they can. */
  readonly direct: () => string | undefined;
  readonly resolution: () => Disk['resolution'];
  readonly cache: () => CacheStatus;
  /** What bounds the processes that can be alive at once, tightest first. */
  readonly processBounds: () => readonly { readonly name: string; readonly processes: number }[];
  readonly mmu: () => { readonly driver: Hal['mmu']['driver']; readonly reason: string | undefined; readonly pageBytes: number };
}

interface Finding {
  readonly name: string;
  readonly value: string;
  /** Programs cannot be run: `lost` says what to do. Otherwise `lost` says what is missing where `ok` is false. */
  readonly required: boolean;
  readonly ok: boolean;
  readonly lost: string | undefined;
}

const NODE_MAJOR = 26;

export function hostProbes(): Probes {
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    jspi: () => typeof (WebAssembly as { Suspending?: unknown }).Suspending === 'function',
    ffi: () => loadFfi() !== undefined,
    direct: () => {
      const calls = direct();
      return typeof calls === 'string' ? calls : undefined;
    },
    resolution: () => nodeDevices({}).disk.resolution,
    cache: () => new DiskCache().status(),
    processBounds,
    mmu: nodeMmu,
  };
}

/** The exit status: 0 where programs can be run. */
export function doctor(
  json: boolean,
  probes: Probes = hostProbes(),
  print: (line: string) => void = (line) => say('stdout', line),
): number {
  const findings = examine(probes);
  const runs = findings.every(({ required, ok }) => ok || !required);
  if (json) print(JSON.stringify({ runs, findings }));
  else {
    const width = Math.max(...findings.map(({ name }) => name.length));
    for (const { name, value, ok, required, lost } of findings) {
      print(
        plain(
          `${ok ? 'ok  ' : required ? 'FAIL' : '-   '} ${name.padEnd(width)}  ${value}${ok || lost === undefined ? '' : `: ${lost}`}`,
        ),
      );
    }
    print(runs ? 'Programs can be run.' : 'Programs cannot be run on this host.');
  }
  return runs ? STATUS.ok : 1;
}

export function examine(probes: Probes): Finding[] {
  const { node, v8 } = probes;
  const found = (name: string, value: string, ok: boolean, lost?: string): Finding => ({
    name,
    value,
    required: false,
    ok,
    lost: ok ? undefined : lost,
  });
  const needed = (name: string, value: string, ok: boolean, lost: string): Finding => ({
    ...found(name, value, ok, lost),
    required: true,
  });
  const detour = probes.direct();
  const resolution = probes.resolution();
  const cache = probes.cache();
  const bounds = probes.processBounds();
  const mmu = probes.mmu();
  return [
    needed('node', node, Number.parseInt(node, 10) >= NODE_MAJOR, `Node ${NODE_MAJOR} or later is needed`),
    found('v8', v8, true),
    yes(needed, 'jspi', probes.jspi(), 'guests cannot be suspended: use a Node with WebAssembly promise integration'),
    yes(found, 'node:ffi', probes.ffi(), 'paths are resolved by components, more slowly, and memory has no protected pages'),
    found(
      'system calls',
      detour === undefined ? 'direct' : 'through node:fs',
      detour === undefined,
      `reading from a host file and writing to it takes 0.3 us more: ${detour}`,
    ),
    found(
      'directories',
      resolution,
      resolution === 'openat2',
      resolution === 'none'
        ? 'no host directory can be opened to a guest (--dir, -v)'
        : 'paths are resolved by components, more slowly',
    ),
    found(
      'code cache',
      cache.usable ? `${cache.directory}` : 'off',
      cache.usable,
      `every run rewrites its program anew: ${cache.reason ?? 'it is not usable'}`,
    ),
    found('processes', `at once: ${bounds.map(({ name, processes }) => `${processes} by ${name}`).join(', ')}`, true),
    found(
      'memory',
      mmu.driver === 'native' ? `native, pages of ${mmu.pageBytes} bytes` : mmu.driver,
      mmu.driver === 'native',
      `no protected pages, no regions, no copy-on-write templates: ${mmu.reason ?? 'the host has neither'}`,
    ),
  ];
}

function yes<T>(
  make: (name: string, value: string, ok: boolean, lost: string) => T,
  name: string,
  has: boolean,
  lost: string,
): T {
  return make(name, has ? 'yes' : 'no', has, lost);
}
