import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Capability } from '../../src/caps/capability.ts';
import { Description } from '../../src/caps/object.ts';
import { CapTable } from '../../src/caps/table.ts';

class Counted extends Description {
  readonly kind = 'counted';
  destroyed = 0;
  constructor() {
    super('unknown');
  }
  protected override destroy(): void {
    this.destroyed++;
  }
}

type Step =
  | { op: 'insert' }
  | { op: 'duplicate'; slot: number; rights: number }
  | { op: 'close'; slot: number }
  | { op: 'renumber'; from: number; to: number }
  | { op: 'narrow'; slot: number; rights: number; inheriting: number };

const slot = fc.oneof(fc.nat(12), fc.constantFrom(1000, 65_536, 2 ** 31, 2 ** 32 - 1));
const rights = fc.nat(15);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ op: fc.constant('insert' as const) }),
  fc.record({ op: fc.constant('duplicate' as const), slot, rights }),
  fc.record({ op: fc.constant('close' as const), slot }),
  fc.record({ op: fc.constant('renumber' as const), from: slot, to: slot }),
  fc.record({ op: fc.constant('narrow' as const), slot, rights, inheriting: rights }),
);

describe('a table of capabilities', () => {
  test('gives the lowest free slot, closes each object once, and never adds a right', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 }), fc.array(step, { maxLength: 150 }), (max, steps) => {
        const table = new CapTable(max);
        const model: ({ object: Counted; rights: number; inheriting: number } | undefined)[] = [];
        const objects: Counted[] = [];
        const lowest = () => {
          const free = model.indexOf(undefined);
          return free < 0 ? model.length : free;
        };
        const used = () => model.filter((one) => one !== undefined).length;
        for (const one of steps) {
          if (one.op === 'insert') {
            const object = new Counted();
            const at = lowest();
            const inserted = table.insert(new Capability(object, 15, 15));
            if (used() === max) {
              expect(inserted).toBeUndefined();
              expect(object.destroyed).toBe(0);
            } else {
              objects.push(object);
              expect(inserted).toBe(at);
              model[at] = { object, rights: 15, inheriting: 15 };
            }
          } else if (one.op === 'duplicate') {
            const held = table.slots[one.slot];
            if (held === undefined || table.room < 1) continue;
            const derived = held.derive(one.rights, one.rights);
            // A derived capability has what both had, at most.
            expect([derived.rights, derived.inheriting]).toEqual([held.rights & one.rights, held.inheriting & one.rights]);
            const at = lowest();
            expect(table.insert(derived)).toBe(at);
            model[at] = { object: held.object as Counted, rights: derived.rights, inheriting: derived.inheriting };
          } else if (one.op === 'close') {
            expect(table.close(one.slot)).toBe(model[one.slot] !== undefined);
            if (one.slot < model.length) model[one.slot] = undefined;
          } else if (one.op === 'renumber') {
            const possible = model[one.from] !== undefined && model[one.to] !== undefined;
            expect(table.renumber(one.from, one.to)).toBe(possible);
            if (possible && one.from !== one.to) {
              model[one.to] = model[one.from];
              model[one.from] = undefined;
            }
          } else {
            const held = table.slots[one.slot];
            const known = model[one.slot];
            if (held === undefined || known === undefined) continue;
            const within = (one.rights & ~known.rights) === 0 && (one.inheriting & ~known.inheriting) === 0;
            expect(held.narrow(one.rights, one.inheriting)).toBe(within);
            if (within) Object.assign(known, { rights: one.rights, inheriting: one.inheriting });
          }
          expect([table.size, table.room]).toEqual([used(), max - used()]);
          // No table follows a number that it is given.
          expect(table.slots.length).toBeLessThanOrEqual(max);
          for (const [i, known] of model.entries()) {
            const held = table.slots[i];
            expect(held?.object).toBe(known?.object);
            if (held !== undefined) expect([held.rights, held.inheriting]).toEqual([known?.rights, known?.inheriting]);
          }
          for (const object of objects) expect(object.destroyed).toBe(model.some((known) => known?.object === object) ? 0 : 1);
        }
        table.closeAll();
        expect([table.size, table.slots.length]).toEqual([0, 0]);
        expect(objects.every(({ destroyed }) => destroyed === 1)).toBe(true);
      }),
    );
  });
});
