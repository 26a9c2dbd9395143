// How a script is run by Ruby's module, which has no `_start`: the calls that its bindings for hosts make (the canonical ABI).
import type { Calls } from './variant.ts';

/** `_=0` is the program that is run while Ruby starts: none to speak of. */
const ARGUMENTS = ['ruby.wasm', '--disable=gems', '-EUTF-8', '-e_=0'];

export function rubyCalls(script: string): Calls {
  return function* (memory) {
    function* put(bytes: Uint8Array, alignment: number): Generator<readonly [string, ...number[]], number, number> {
      const address = yield ['cabi_realloc', 0, 0, alignment, bytes.length];
      new Uint8Array(memory.buffer).set(bytes, address);
      return address;
    }
    yield ['_initialize'];
    const list: number[] = [];
    for (const argument of ARGUMENTS) {
      const bytes = Buffer.from(`${argument}\0`);
      list.push(yield* put(bytes, 1), bytes.length);
    }
    const address = yield* put(new Uint8Array(Uint32Array.from(list).buffer), 4);
    yield ['ruby-init: func(args: list<string>) -> ()', address, ARGUMENTS.length];
    const code = Buffer.from(script);
    yield ['rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>', yield* put(code, 1), code.length];
  };
}

/** What a command is. */
export function* start(): Generator<readonly [string], void, number> {
  yield ['_start'];
}
