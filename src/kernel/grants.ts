// What a process was granted: the roots of its capabilities. Whoever started the process keeps them through the kernel, which
// gives them back at its end; the process never holds one, so that it cannot keep what is taken away.
import type { Capability } from '../caps/capability.ts';
import { type CapObject, rightsByName } from '../caps/object.ts';
import { ProgramObject } from '../caps/program.ts';
import { Socket } from '../caps/socket.ts';
import type { CapTable } from '../caps/table.ts';
import { formatAddress } from '../hal/address.ts';
import type { NetAddress } from '../hal/net.ts';
import type { Program } from '../runtime/program.ts';

/** A capability that a process holds, for who looks at it. */
export interface HeldCapability {
  /** A descriptor, or a handle (2^30 and above). */
  readonly number: number;
  /** `file`, `directory`, `clock`... */
  readonly kind: string;
  /** The grant that it came from; undefined for what came from elsewhere, such as a pipe. */
  readonly grant: string | undefined;
  readonly rights: readonly string[];
  /** Of a socket: its own end, `ADDRESS:PORT`. */
  readonly address?: string;
  /** Of a program: SHA-256 of the bytes that it was loaded from, whatever its file holds now. Absent where there is no code cache. */
  readonly sha256?: string;
}

export class Grants {
  /** Undefined once the process is over: the table may be another's then. */
  #table: CapTable | undefined;
  #roots: readonly Capability<CapObject>[];

  constructor(table: CapTable, roots: readonly Capability<CapObject>[]) {
    this.#table = table;
    this.#roots = roots;
  }

  held(): HeldCapability[] {
    const table = this.#table;
    const all = table === undefined ? [] : [...table.slots, ...table.handles].filter((one) => one !== undefined);
    return all.map(({ place, object, name, rights }) => ({
      number: place,
      kind: object.kind,
      grant: name,
      rights: rightsByName(object, rights),
      ...(object instanceof Socket && object.local !== undefined && { address: formatEndpoint(object.local) }),
      ...hashOf(object),
    }));
  }

  /**
   * Takes a grant away, or a capability by its number, with all that was derived from it or opened through it, wherever it is.
   * False where there is no such thing.
   */
  revoke(what: string | number): boolean {
    const meant =
      typeof what === 'string'
        ? this.#roots.filter(({ name }) => name === what)
        : [this.#table?.slots[what] ?? this.#table?.lookup(what)].filter((one) => one !== undefined);
    for (const one of meant) {
      one.revoke();
      one.drop('revoke');
    }
    this.#roots = this.#roots.filter(({ live }) => live);
    return meant.length > 0;
  }

  /** Whether the grant of this name is of these rights, on its object or on what is opened through it. */
  allows(name: string, rights: number): boolean {
    return this.#roots.some((root) => root.name === name && ((root.rights | root.inheriting) & rights) === rights);
  }

  /** The process is over. */
  drop(): void {
    const roots = this.#roots;
    this.#roots = [];
    this.#table = undefined;
    dropAll(roots);
  }
}

/** Drops each, even where one throws; then throws what the first threw. */
export function dropAll(capabilities: Iterable<Capability<CapObject> | undefined>): void {
  const failures: unknown[] = [];
  for (const one of capabilities) {
    try {
      one?.drop('exit');
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

const hashOf = (object: CapObject): { sha256: string } | undefined => {
  const hash = object instanceof ProgramObject ? (object as ProgramObject<Program>).program.hash : undefined;
  return hash === undefined ? undefined : { sha256: hash };
};

const formatEndpoint = ({ address, port }: NetAddress): string =>
  address.bits === 32 ? `${formatAddress(address)}:${port}` : `[${formatAddress(address)}]:${port}`;
