// What a program asks of its own capabilities.
import type { Capability } from '../../caps/capability.ts';
import type { CapObject } from '../../caps/object.ts';
import type { CapTable } from '../../caps/table.ts';
import type { Handler } from '../dispatch.ts';

/** What is written to have a capability of a kind. A guest names it. */
const GRANTS: ReadonlyMap<string, string> = new Map([
  ['clock', 'clock'],
  ['entropy', 'random'],
  ['threads', 'threads'],
  ['terminal', 'console'],
  ['endpoint', 'net:connect:HOST:PORT'],
  ['policy', 'policy:FILE'],
]);

/** By the text of the grant, or else by the kind of the object; the lowest handle of several. */
export const cap_find: Handler<'cap_find'> = (caller, name, out) => {
  const { capabilities } = caller;
  const found = lowest(capabilities, (one) => one.name === name) ?? lowest(capabilities, (one) => one.object.kind === name);
  if (found === undefined) {
    const grant = GRANTS.get(name) ?? (name.includes(':') ? name : undefined);
    caller.lacks({ call: 'cap_find', wanted: name, ...(grant !== undefined && { grant }) });
    return 'NOENT';
  }
  caller.memory.setU32(out, found.place);
  return undefined;
};

function lowest(table: CapTable, wanted: (one: Capability<CapObject>) => boolean): Capability<CapObject> | undefined {
  let found: Capability<CapObject> | undefined;
  for (const one of table.handles) if (wanted(one) && (found === undefined || one.place < found.place)) found = one;
  return found;
}

export const policy_apply: Handler<'policy_apply'> = ({ offspring }, policy) => offspring.confine(policy);

export const cap_drop: Handler<'cap_drop'> = ({ capabilities }, number) =>
  capabilities.closeHandle(number) || capabilities.close(number) ? undefined : 'BADF';
