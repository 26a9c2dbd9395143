// Capabilities on their way from one process to another. All of a message's travel, or none; on the way each is in the parcel
// only, where revoking finds it as anywhere.
import type { Audit } from './audit.ts';
import type { Capability, End, Holder } from './capability.ts';
import { HANDLE_BASE } from './handles.ts';
import { type CapObject, Description } from './object.ts';
import { RIGHT } from './rights.ts';
import type { CapTable } from './table.ts';

/** Capabilities in one parcel. */
const PARCEL_MAX = 256;

/** `move`: the sender has them no more. `copy`: the receiver gets children of them. */
export type Transfer = 'move' | 'copy';

export type PackError = 'BADF' | 'NOTCAPABLE' | 'INVAL' | '2BIG';

export class Parcel implements Holder {
  readonly audit: Audit | undefined;
  /** In the order that the sender named them; undefined where one was revoked on the way. */
  readonly #contents: (Capability<CapObject> | undefined)[] = [];

  private constructor(audit: Audit | undefined) {
    this.audit = audit;
  }

  /**
   * Takes what these numbers name out of a table, or copies of it. BADF: a number names nothing; NOTCAPABLE: one may not be
   * transferred; INVAL: one is named twice, or is `via`, the object that the parcel is to go through; 2BIG: more than 256.
   * After an error nothing has changed.
   */
  static pack(table: CapTable, numbers: readonly number[], how: Transfer, via?: CapObject): Parcel | PackError {
    const found = gather(table, numbers, via);
    if (typeof found === 'string') return found;
    const parcel = new Parcel(table.audit);
    for (const capability of found) {
      table.audit?.capability('transfer', capability, how);
      if (how === 'move') table.take(capability);
      parcel.#put(how === 'move' ? capability : capability.derive(capability.rights, capability.inheriting));
    }
    return parcel;
  }

  /** How many are in it, with those that were revoked. */
  get size(): number {
    return this.#contents.length;
  }

  /**
   * Puts all into a table, and says their numbers there, undefined where one was revoked on the way; descriptors get the
   * lowest free ones. Undefined, and nothing changed, where there is no room.
   */
  unpack(table: CapTable): (number | undefined)[] | undefined {
    if (!fits(this.#contents, table)) return undefined;
    return this.#contents.splice(0).map((one) => {
      if (one === undefined) return undefined;
      one.leave();
      const number = one.object instanceof Description ? table.insert(one as Capability) : table.insertHandle(one);
      table.audit?.capability('transfer', one, 'received');
      return number;
    });
  }

  /** Drops what is in it, even where dropping one throws; then throws what the first threw. */
  destroy(): void {
    const failures: unknown[] = [];
    for (const one of this.#contents.splice(0)) {
      try {
        one?.drop();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  lose(capability: Capability<CapObject>, why: End): void {
    if (why === 'revoke') this.audit?.capability('revoke', capability, 'in transit');
    this.#contents[capability.place] = undefined;
  }

  #put(capability: Capability<CapObject>): void {
    capability.holder = this;
    capability.place = this.#contents.push(capability) - 1;
  }
}

/** What these numbers name, where all of it may be packed. */
function gather(table: CapTable, numbers: readonly number[], via?: CapObject): Capability<CapObject>[] | PackError {
  if (numbers.length > PARCEL_MAX) return '2BIG';
  const found: Capability<CapObject>[] = [];
  for (const number of numbers) {
    const capability = number < HANDLE_BASE ? table.slots[number] : table.lookup(number);
    if (capability === undefined) return 'BADF';
    if ((capability.rights & RIGHT.transfer) === 0) return 'NOTCAPABLE';
    if (capability.object === via) return 'INVAL';
    found.push(capability);
  }
  return new Set(found).size < found.length ? 'INVAL' : found;
}

function fits(capabilities: readonly (Capability<CapObject> | undefined)[], table: CapTable): boolean {
  const all = capabilities.filter((one) => one !== undefined);
  const descriptors = all.filter(({ object }) => object instanceof Description).length;
  return descriptors <= table.room && all.length - descriptors <= table.handleRoom;
}

/**
 * Hands capabilities over at once: their numbers in `to`, or why none was. MFILE: there is no room for them, which those that
 * leave `from` do not make.
 */
export function transfer(
  from: CapTable,
  numbers: readonly number[],
  to: CapTable,
  how: Transfer,
): number[] | PackError | 'MFILE' {
  const found = gather(from, numbers);
  if (typeof found === 'string') return found;
  if (!fits(found, to)) return 'MFILE';
  return (Parcel.pack(from, numbers, how) as Parcel).unpack(to) as number[];
}
