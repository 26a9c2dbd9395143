import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Roster } from '../../src/machine/roster.ts';

test('a roster has those that came and did not go, in the order in which they came', () => {
  const come = fc.record({ comes: fc.constant(true), which: fc.nat(9) });
  const go = fc.record({ comes: fc.constant(false), which: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(fc.oneof(come, go), { maxLength: 40 }), (steps) => {
      const roster = new Roster<number>();
      const model: { readonly value: number; readonly gone: () => void }[] = [];
      for (const [value, { comes, which }] of steps.entries()) {
        if (comes) model.push({ value, gone: roster.add(value) });
        else model.splice(which, 1)[0]?.gone();
        expect([...roster]).toEqual(model.map((one) => one.value));
        expect(roster.empty).toBe(model.length === 0);
      }
    }),
  );
});
