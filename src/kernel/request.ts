// What a new process is to be and to have, and what the kernel makes of it.
import { Audit, type Auditor } from '../caps/audit.ts';
import type { Capability } from '../caps/capability.ts';
import type { CapObject } from '../caps/object.ts';
import type { CapTable, Quota } from '../caps/table.ts';
import type { MemoryType } from '../hal/mmu.ts';
import type { MemoryLayout } from '../runtime/layout.ts';
import type { Program } from '../runtime/program.ts';
import type { Account } from './account.ts';
import { SpawnError } from './error.ts';
import type { Task } from './execution.ts';
import type { Grants } from './grants.ts';
import { ARGUMENT_BYTES_MAX, type Limits, PAGES_MAX, RESOURCE, type Resource, WASM_PAGE } from './limits.ts';
import type { PidNamespace } from './pid.ts';
import { Gate } from './policy/gate.ts';
import type { Watch } from './policy/watch.ts';
import type { Process } from './process.ts';
import type { Protect } from './protection.ts';
import type { Cell } from './recycler.ts';
import type { AddressSpace } from './space.ts';
import { Strings } from './strings.ts';
import type { Template } from './template.ts';

/** What a new process is to be and to have. */
export interface SpawnRequest {
  readonly program: Program;
  readonly parent?: Process;
  /** From argv[0] on. */
  readonly args: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** Its descriptors, from 0 on; they are the process's from now on, whatever happens. */
  readonly descriptors: readonly Capability[];
  /** Its other capabilities, from the first handle on, such as a clock; the process's from now on as well. */
  readonly handles: readonly Capability<CapObject>[];
  /** What its capabilities were derived from, for who grants them: kept until it is over, or dropped where it cannot be made. */
  readonly roots?: readonly Capability<CapObject>[];
  readonly limits: Limits;
  /** Its parent's by default, or 0. */
  readonly nice?: number;
  readonly task: Task;
  /** Its parent's by default; what is not named is as the program and the host allow. */
  readonly protect?: Protect;
  /** The first of its tree: what it leaves behind ends with it, and is forgotten. */
  readonly first?: boolean;
  /** How it is watched; its parent's policy holds for it all the same. */
  readonly watch?: Watch | undefined;
  /** It and its descendants count their numbers from 1, and know no others. */
  readonly ownPids?: boolean;
  /** Told when the process and those that descend from it use more than a soft limit that has no signal. */
  readonly onSoftLimit?: ((resource: Resource) => void) | undefined;
  /** Told each time that the process was charged for having the CPU. */
  readonly onCharge?: ((process: Process) => void) | undefined;
}

/** Everything a process is made of; the kernel has checked it. */
export interface ProcessParts {
  readonly program: Program;
  readonly parent: Process | undefined;
  readonly args: Strings;
  readonly environment: Strings;
  readonly capabilities: CapTable;
  readonly grants: Grants;
  readonly limits: Limits;
  readonly nice: number;
  readonly account: Account;
  readonly space: AddressSpace;
  /** Told when it and those that descend from it use more than a soft limit. */
  readonly onSoftLimit: ((resource: Resource) => void) | undefined;
  readonly onCharge: ((process: Process) => void) | undefined;
  readonly task: Task;
  readonly protect: Protect;
  /** Where it begins, if not at the start of its program. */
  readonly template: Template | undefined;
  /** What it runs in, where that served others before. */
  readonly cell: Cell | undefined;
  /** Where it has a number of its own besides its pid. */
  readonly namespace: PidNamespace | undefined;
  readonly number: number | undefined;
}

/** The descriptors of a process, as its account has them. */
export class Descriptors implements Quota {
  readonly #account: Account;

  constructor(account: Account) {
    this.#account = account;
  }

  get room(): number {
    return this.#account.room(RESOURCE.fds);
  }
  take(): void {
    this.#account.add(RESOURCE.fds, 1);
  }
  give(): void {
    this.#account.release(RESOURCE.fds, 1);
  }
}

/** Gives a process what it is to hold; false where there is no room, and then what found none is dropped. */
export function fill(table: CapTable, { descriptors, handles }: SpawnRequest): boolean {
  const left: Capability<CapObject>[] = [];
  for (const one of descriptors) if (left.length > 0 || table.insert(one) === undefined) left.push(one);
  for (const one of handles) if (left.length > 0 || table.insertHandle(one) === undefined) left.push(one);
  for (const one of left) one.drop();
  return left.length === 0;
}

export function auditOf({ pid, program, capabilities }: Process, auditor: Auditor): Audit {
  const told = new Audit(auditor, pid, program.name);
  capabilities.audit = told;
  for (const one of [...capabilities.slots, ...capabilities.handles]) if (one !== undefined) told.capability('grant', one);
  return told;
}

/** The gate of a process that is watched, by itself or as a descendant. */
export function gateOf(process: Process, watch: Watch | undefined, audit: Audit | undefined): Gate | undefined {
  return watch === undefined && audit === undefined ? undefined : new Gate(process, watch ?? { enforce: true }, audit);
}

/** Sees to it that the space has what the process begins with; what there is no room in. */
export function occupy(
  space: AddressSpace,
  account: Account,
  types: readonly MemoryType[],
  program: Program,
  template: Template | undefined,
  renewed: boolean,
  protect: Protect,
): 'limit' | 'host' | undefined {
  const tables = template === undefined ? program.layout.tables.map(({ minimum }) => minimum) : template.tables;
  if (renewed) return space.renew(account, tables) ? undefined : 'limit';
  const lacking = space.map(types, tables, template?.images);
  if (lacking !== undefined) return lacking;
  if (protect['null-page'] !== false) space.guardNull(program.layout.probed?.free ?? 0);
  return undefined;
}

/** Arguments and environment as the program gets them. */
export function stringsOf({ args, environment }: SpawnRequest): readonly [Strings, Strings] {
  const variables: string[] = [];
  for (const [name, value] of environment) variables.push(`${name}=${value}`);
  if (args.some(hasNul) || variables.some(hasNul))
    throw new SpawnError('INVAL', 'an argument or a variable contains a NUL, which ends it for the program');
  const strings = [new Strings(args), new Strings(variables)] as const;
  const bytes = strings[0].bytes + strings[1].bytes;
  if (bytes > ARGUMENT_BYTES_MAX)
    throw new SpawnError('2BIG', `arguments and environment take ${bytes} bytes; the limit is ${ARGUMENT_BYTES_MAX}`);
  return strings;
}

const hasNul = (text: string): boolean => text.includes('\0');

export function excess(types: readonly MemoryType[], { memory }: Limits): string {
  const bytes = types.reduce((sum, { minimum }) => sum + minimum, 0) * WASM_PAGE;
  return bytes > memory
    ? `its memory starts at ${bytes} bytes; the limit is ${memory}`
    : `its memory starts at ${bytes} bytes, which with its tables is more than it or a process above it may have`;
}

/** `pages`: what it has from the start, if not what is declared. The declared maximum, or what the limit or the address type allows where that is less: V8 then holds the bound too. */
export function memoryType(layout: MemoryLayout, limits: Limits, pages?: number): MemoryType {
  const { maximum, shared, address } = layout;
  const minimum = pages ?? layout.minimum;
  const reach = address === 'i32' ? PAGES_MAX : Number.POSITIVE_INFINITY;
  const allowed = Math.max(minimum, Math.min(Math.floor(limits.memory / WASM_PAGE), reach));
  return { minimum, maximum: Math.min(maximum ?? allowed, allowed), shared, address };
}
