// Calls about memory: regions are mapped into the caller's own linear memory, and pages of its own are added to it. What may be
// mapped, and how, the rights of the capability say.

import type { Capability } from '../../caps/capability.ts';
import type { RegionObject } from '../../caps/region.ts';
import type { Caller, Result } from '../caller.ts';
import type { Handler } from '../dispatch.ts';

/** Puts the address where it is asked for, or gives the error. */
function put({ memory }: Caller, answer: number | 'INVAL' | 'NOMEM' | 'NOTSUP', out: number) {
  if (typeof answer !== 'number') return answer;
  memory.setU32(out, answer);
  return undefined;
}

export const mem_map: Handler<'mem_map'> = (caller, region, address, access, out) => {
  const answer = caller.mappings.map(region, address, access);
  // What is mapped may lie where the answer was to go.
  if (typeof answer === 'number' && !caller.memory.hasWritable(out, 4)) return undefined;
  return put(caller, answer, out);
};

export const mem_alloc: Handler<'mem_alloc'> = (caller, bytes, access, out) =>
  put(caller, caller.mappings.allocate(bytes, access), out);

export const mem_unmap: Handler<'mem_unmap'> = ({ mappings }, address, length) => mappings.unmap(address, length);

export const mem_protect: Handler<'mem_protect'> = ({ mappings }, address, length, access) =>
  mappings.protect(address, length, access);

export const mem_info: Handler<'mem_info'> = ({ memory }, { object, rights }, bytes, out) => {
  memory.setSize(bytes, object.region.bytes);
  memory.setU32(out, rights);
  return undefined;
};

export const mem_derive: Handler<'mem_derive'> = (caller, region, rights, out): Result<'NOTCAPABLE' | 'MFILE'> => {
  if ((rights & ~region.rights) !== 0) return caller.lacks({ call: 'mem_derive', by: region, rights: rights & ~region.rights });
  const { capabilities, memory } = caller;
  if (capabilities.handleRoom < 1) return 'MFILE';
  const child: Capability<RegionObject> = region.derive(rights, 0);
  memory.setU32(out, capabilities.insertHandle(child)!);
  return undefined;
};
