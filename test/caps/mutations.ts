// Rules of the core, each broken on purpose: what the properties are worth is what they find of these. Nothing in src knows of
// them; they are put in place of methods while a test runs.
import { Capability } from '../../src/caps/capability.ts';
import { CapObject } from '../../src/caps/object.ts';
import { Parcel } from '../../src/caps/parcel.ts';
import { CapTable } from '../../src/caps/table.ts';
import { TRANSFER } from './model.ts';
import { ToyChannel } from './toys.ts';

type Any = Capability<CapObject>;

export interface Mutation {
  /** The promise of SECURITY.md that it breaks. */
  readonly property: number;
  readonly what: string;
  /** Breaks the rule; what it returns mends it. */
  apply(): () => void;
}

/** Puts another method in the place of one; the other is handed the one that was there. */
export function replace<O extends object, K extends keyof O>(owner: O, name: K, make: (original: O[K]) => O[K]): () => void {
  const original = Object.getOwnPropertyDescriptor(owner, name)!;
  Object.defineProperty(owner, name, { ...original, value: make(original.value as O[K]) });
  return () => Object.defineProperty(owner, name, original);
}

/** Rights that were given up can be taken back. */
export const takeRightsBack = () =>
  replace(
    Capability.prototype,
    'narrow',
    () =>
      function (this: Capability, rights, inheriting) {
        Object.assign(this, { rights, inheriting });
        return true;
      },
  );

const all =
  (...undo: (() => void)[]) =>
  () => {
    for (const one of undo) one();
  };

const at = (table: CapTable, number: number): Any | undefined => table.slots[number] ?? table.lookup(number);

/** A capability as `derive` and `open` make it, but beneath nothing. */
const orphan = (of: Any, object: CapObject, rights: number, inheriting: number) =>
  new Capability(object, rights & of.rights, inheriting & of.inheriting);

const pack = Parcel.pack;
const packing = (make: (...args: Parameters<typeof pack>) => ReturnType<typeof pack>) => () =>
  replace(Parcel as { pack: typeof pack }, 'pack', () => make);

export const MUTATIONS: readonly Mutation[] = [
  {
    property: 1,
    what: 'a derived capability has the rights that were asked for, whatever its parent has',
    apply: () =>
      replace(
        Capability.prototype,
        'derive',
        (derive) =>
          function (this: Capability, rights, inheriting) {
            return Object.assign(derive.call(this, rights, inheriting), { rights });
          },
      ),
  },
  {
    property: 1,
    what: 'what is opened may hand on what its parent may not',
    apply: () =>
      replace(
        Capability.prototype,
        'open',
        (open) =>
          function (this: Capability, object, rights, inheriting) {
            return Object.assign(open.call(this, object, rights, inheriting), { inheriting }) as never;
          },
      ),
  },
  {
    property: 1,
    what: 'narrowing may add rights',
    apply: takeRightsBack,
  },
  {
    property: 2,
    what: 'what arrives may all that its opened files may',
    apply: () =>
      replace(
        Parcel.prototype,
        'unpack',
        (unpack) =>
          function (this: Parcel, table) {
            const numbers = unpack.call(this, table);
            for (const number of numbers ?? []) {
              const one = number === undefined ? undefined : at(table, number);
              if (one !== undefined) one.rights |= 7;
            }
            return numbers;
          },
      ),
  },
  {
    property: 3,
    what: 'a handle that was closed names what has its index now',
    apply: () =>
      replace(
        CapTable.prototype,
        'lookup',
        (lookup) =>
          function (this: CapTable, handle) {
            return lookup.call(this, handle) ?? [...this.handles].find(({ place }) => place % 65_536 === handle % 65_536);
          },
      ),
  },
  {
    property: 3,
    what: 'a handle of another process works',
    apply: () => {
      const known = new Map<number, Any>();
      return all(
        replace(
          CapTable.prototype,
          'insertHandle',
          (insert) =>
            function (this: CapTable, one) {
              const handle = insert.call(this, one);
              if (handle !== undefined) known.set(handle, one);
              return handle;
            },
        ),
        replace(
          CapTable.prototype,
          'lookup',
          (lookup) =>
            function (this: CapTable, handle) {
              const foreign = known.get(handle);
              return lookup.call(this, handle) ?? (foreign?.live === true ? foreign : undefined);
            },
        ),
      );
    },
  },
  {
    property: 3,
    what: 'a suspended call does not go on although its descriptor was only renumbered',
    apply: () => {
      const places = new WeakMap<Any, number>();
      return all(
        replace(
          Capability.prototype,
          'gone',
          (gone) =>
            function (this: Capability) {
              places.set(this as unknown as Any, this.place);
              return gone.call(this);
            },
        ),
        replace(
          CapTable.prototype,
          'holds',
          (holds) =>
            function (this: CapTable, one) {
              return holds.call(this, one) && places.get(one) === one.place;
            },
        ),
      );
    },
  },
  {
    property: 4,
    what: 'files opened through a capability outlive it',
    apply: () =>
      replace(
        Capability.prototype,
        'open',
        () =>
          function (this: Capability, object, rights, inheriting) {
            return new Capability(object, this.inheriting & rights, this.inheriting & inheriting) as never;
          },
      ),
  },
  {
    property: 4,
    what: 'duplicates outlive what they were made from',
    apply: () =>
      replace(
        Capability.prototype,
        'derive',
        () =>
          function (this: Capability, rights, inheriting) {
            return orphan(this as unknown as Any, this.object.retain(), rights, inheriting) as unknown as Capability;
          },
      ),
  },
  {
    property: 4,
    what: 'revoking does not find what is in a message',
    apply: () =>
      replace(Parcel.prototype, 'lose', () => () => {
        // It stays in the parcel.
      }),
  },
  {
    property: 4,
    what: 'revoking kills the target, too',
    apply: () =>
      replace(
        Capability.prototype,
        'revoke',
        (revoke) =>
          function (this: Capability) {
            revoke.call(this);
            this.drop();
          },
      ),
  },
  {
    property: 4,
    what: 'a suspended call goes on with what it had',
    apply: () => replace(CapTable.prototype, 'holds', () => () => true),
  },
  {
    property: 4,
    what: 'a suspended call sleeps on',
    apply: () => replace(Capability.prototype, 'gone', () => () => new Promise(() => undefined)),
  },
  {
    property: 5,
    what: 'what was revoked from twice is dropped',
    apply: () => {
      const revoked = new WeakSet();
      return replace(
        Capability.prototype,
        'revoke',
        (revoke) =>
          function (this: Capability) {
            revoke.call(this);
            if (revoked.has(this)) this.drop();
            revoked.add(this);
          },
      );
    },
  },
  {
    property: 5,
    what: 'revoking goes through what is in messages, and does not know where it was',
    apply: () => {
      const packed = new WeakMap<Parcel, Any[]>();
      return all(
        packing((table, numbers, how, via) => {
          const sent = numbers.map((one) => at(table, one)).filter((one) => one !== undefined);
          const parcel = pack.call(Parcel, table, numbers, how, via);
          if (parcel instanceof Parcel) packed.set(parcel, sent);
          return parcel;
        })(),
        replace(
          Capability.prototype,
          'revoke',
          (revoke) =>
            function (this: Capability) {
              const { object } = this as unknown as Any;
              for (const parcel of object instanceof ToyChannel ? object.queue : [])
                for (const one of packed.get(parcel) ?? []) one.revoke();
              revoke.call(this);
            },
        ),
      );
    },
  },
  {
    property: 6,
    what: 'one capability can be sent twice in a message',
    apply: packing((table, numbers, how, via) => pack.call(Parcel, table, [...new Set(numbers)], how, via)),
  },
  {
    property: 6,
    what: 'a channel can be sent through itself',
    apply: packing((table, numbers, how) => pack.call(Parcel, table, numbers, how)),
  },
  {
    property: 6,
    what: 'a message leaves without what cannot be sent',
    apply: packing((table, numbers, how, via) =>
      pack.call(
        Parcel,
        table,
        numbers.filter((one) => at(table, one) !== undefined),
        how,
        via,
      ),
    ),
  },
  {
    property: 6,
    what: 'who moves a capability keeps it',
    apply: packing((table, numbers, _how, via) => pack.call(Parcel, table, numbers, 'copy', via)),
  },
  {
    property: 6,
    what: 'of a message for which there is no room, a part is received',
    apply: () =>
      replace(
        Parcel.prototype,
        'unpack',
        (unpack) =>
          function (this: Parcel, table) {
            return unpack.call(this, table) ?? [];
          },
      ),
  },
  {
    property: 7,
    what: 'what was in a message that is thrown away lives on',
    apply: () =>
      replace(Parcel.prototype, 'destroy', () => () => {
        // It is kept.
      }),
  },
  {
    property: 8,
    what: 'anything may be transferred',
    apply: packing((table, numbers, how, via) => {
      const found = numbers.map((one) => at(table, one)).filter((one) => one !== undefined);
      const before = found.map(({ rights }) => rights);
      for (const one of found) one.rights |= TRANSFER;
      const packed = pack.call(Parcel, table, numbers, how, via);
      for (const [i, one] of found.entries()) one.rights = before[i]!;
      return packed;
    }),
  },
  {
    property: 9,
    what: 'a table gives a process a duplicate of what it is given',
    apply: () => {
      let within = false;
      return replace(
        CapTable.prototype,
        'insertHandle',
        (insert) =>
          function (this: CapTable, one) {
            const handle = insert.call(this, one);
            if (!within && handle !== undefined) {
              within = true;
              insert.call(this, one.derive(one.rights, one.inheriting));
              within = false;
            }
            return handle;
          },
      );
    },
  },
  {
    property: 10,
    what: 'what one process gets, the one that got something before gets as well',
    apply: () => {
      let before: CapTable | undefined;
      return replace(
        CapTable.prototype,
        'insertHandle',
        (insert) =>
          function (this: CapTable, one) {
            const handle = insert.call(this, one);
            if (before !== undefined && handle !== undefined) insert.call(before, one.derive(one.rights, one.inheriting));
            before = this;
            return handle;
          },
      );
    },
  },
  {
    property: 11,
    what: 'a handle stands for the first of all handles',
    apply: () =>
      replace(
        CapTable.prototype,
        'lookup',
        (lookup) =>
          function (this: CapTable, handle) {
            return lookup.call(this, handle) && [...this.handles][0];
          },
      ),
  },
  {
    property: 13,
    what: 'a descriptor that is moved away still counts',
    apply: () =>
      replace(
        CapTable.prototype,
        'take',
        (take) =>
          function (this: CapTable, one) {
            if (one.place >= this.slots.length) return take.call(this, one);
            this.slots[one.place] = undefined;
            one.leave();
          },
      ),
  },
  {
    property: 13,
    what: 'a descriptor that is revoked still counts',
    apply: () =>
      replace(
        CapTable.prototype,
        'lose',
        (lose) =>
          function (this: CapTable, one, why) {
            if (why === 'revoke' && one.place < this.slots.length) this.slots[one.place] = undefined;
            else lose.call(this, one, why);
          },
      ),
  },
  {
    property: 14,
    what: 'duplicates do not keep their object',
    apply: () =>
      replace(
        CapObject.prototype,
        'retain',
        () =>
          function <T>(this: T) {
            return this;
          },
      ),
  },
  {
    property: 14,
    what: 'what is dropped is never released',
    apply: () =>
      replace(
        Capability.prototype,
        'drop',
        (drop) =>
          function (this: Capability, why) {
            if (this.live) this.object.retain();
            drop.call(this, why);
          },
      ),
  },
];
