// Arguments and environment: what a process was started with.
import type { Caller } from '../caller.ts';
import type { Handler } from '../dispatch.ts';

function strings(caller: Caller, list: readonly Uint8Array[], addresses: number, at: number): undefined {
  for (const [i, bytes] of list.entries()) {
    caller.memory.setU32(addresses + i * 4, at);
    caller.memory.bytes.set(bytes, at);
    at += bytes.length;
  }
}

export const args_get: Handler<'args_get'> = (caller, addresses, at) => strings(caller, caller.args, addresses, at);
export const environ_get: Handler<'environ_get'> = (caller, addresses, at) => strings(caller, caller.environment, addresses, at);

export const args_sizes_get: Handler<'args_sizes_get'> = (caller, count, bytes) => {
  caller.memory.setU32(count, caller.args.length);
  caller.memory.setU32(bytes, caller.argBytes);
  return undefined;
};

export const environ_sizes_get: Handler<'environ_sizes_get'> = (caller, count, bytes) => {
  caller.memory.setU32(count, caller.environment.length);
  caller.memory.setU32(bytes, caller.environmentBytes);
  return undefined;
};
