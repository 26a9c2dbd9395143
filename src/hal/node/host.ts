// How many processes this host holds. V8 aborts the whole host process, rather than throws, when it runs out of mappings or
// address space, so the kernel must refuse a process before that.
import fs from 'node:fs';
import type { Host } from '../hal.ts';

/** One blocked process: its memory's reservation (2 or 3) and its stack (2). Measured: 5.0 from 1,000 up to 13,000 processes. */
const MAPPINGS_PER_PROCESS = 5;
/** For the heap, code and threads that come later. */
const MAPPINGS_RESERVED = 4096;
/** V8 reserves 8 GiB for each memory; x86-64 and ARM64 give a process 2^47 bytes. */
const PROCESSES_IN_ADDRESS_SPACE = 16_000;
const RESERVED_BYTES = 8 * 2 ** 30;
/** With less address space than this V8 reserves no guards, only what a memory may grow to and a stack of 1 MiB. */
const GUARDS_FROM_BYTES = 16 * 2 ** 30;
const UNGUARDED_BYTES = 16 * 2 ** 20;
/** Heap, stack and tables of one process that has touched nothing of its memory: 10 KiB and a page or two. */
const BYTES_PER_PROCESS = 32 * 1024;
/** Where the host does not tell. */
const PROCESSES_ELSEWHERE = 2000;

class NodeHost implements Host {
  #processesMax: number | undefined;

  get processesMax(): number {
    this.#processesMax ??= processesMax();
    return this.#processesMax;
  }
}

/** What bounds the number of processes, tightest first. */
export function processBounds(): readonly { readonly name: string; readonly processes: number }[] {
  const bounds = [
    { name: 'vm.max_map_count', processes: inMappings() },
    { name: 'address space', processes: inAddressSpace() },
    { name: 'available memory', processes: inMemory() },
  ];
  return bounds.sort((a, b) => a.processes - b.processes);
}

function processesMax(): number {
  return Math.max(1, processBounds()[0]!.processes);
}

function inMappings(): number {
  const max = Number(read('/proc/sys/vm/max_map_count'));
  const maps = read('/proc/self/maps');
  if (maps === undefined || !(max > 0)) return PROCESSES_ELSEWHERE;
  const used = maps.split('\n').length;
  return Math.floor((max - used - MAPPINGS_RESERVED) / MAPPINGS_PER_PROCESS);
}

/** `ulimit -v` and the like. */
function inAddressSpace(): number {
  const limit = /^Max address space +(\d+)/m.exec(read('/proc/self/limits') ?? '');
  if (!limit) return PROCESSES_IN_ADDRESS_SPACE;
  const limitBytes = Number(limit[1]);
  const usedKb = Number(/^VmSize:\s+(\d+)/m.exec(read('/proc/self/status') ?? '')?.[1] ?? 0);
  const bytesEach = limitBytes < GUARDS_FROM_BYTES ? UNGUARDED_BYTES : RESERVED_BYTES;
  return Math.min(PROCESSES_IN_ADDRESS_SPACE, Math.floor((limitBytes - usedKb * 1024) / bytesEach));
}

function inMemory(): number {
  return Math.floor(process.availableMemory() / BYTES_PER_PROCESS);
}

function read(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'latin1');
  } catch {
    // Not Linux, or a sandbox without /proc.
    return undefined;
  }
}

export function nodeHost(): Host {
  return new NodeHost();
}
