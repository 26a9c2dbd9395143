// The dispatcher: the one wrapper around every handler. From a record of the table it compiles the function that a guest
// imports: count, decode, check rights and addresses, call the handler, encode its answer. It never throws into a guest.
//
// Each call gets source text of its own, compiled once, so that V8 sees one handler behind each: the text comes from the
// table alone, never from a guest.
import type { Capability } from '../caps/capability.ts';
import type { CapObject } from '../caps/object.ts';
import { PATH_MAX } from '../caps/path.ts';
import { WASI_RIGHTS } from '../caps/rights.ts';
import { canonicalHost } from '../hal/address.ts';
import { decodeUtf8 } from '../hal/utf8.ts';
import { BLOCKED, type Caller, type Result } from './caller.ts';
import { ERRNO } from './errno.ts';
import { factsOf, tell } from './facts.ts';
import type { HandedAll, Parameter } from './parameter.ts';
import { CALLS, type Call, type CallName, TABLE } from './table.ts';

/** Bytes of a name in the domain name system, with a dot at its end. */
const HOST_MAX = 254;

/** A function that a guest imports: 32-bit integers in; a negative result asks the stub to turn to the kernel. */
export type Import = (...raw: number[]) => number;

type AnswerOf<C> =
  C extends Call<readonly Parameter[], infer E, infer V> ? (V extends true ? number : Result<E | DecodeError>) : never;
type DecodeError = 'BADF' | 'NOTCAPABLE' | 'FAULT' | 'INVAL' | 'ILSEQ' | 'NAMETOOLONG';
export type Handler<N extends CallName> = (
  caller: Caller,
  ...handed: HandedAll<(typeof TABLE)[N]['params']>
) => AnswerOf<(typeof TABLE)[N]>;
export type Handlers = { readonly [N in CallName]: Handler<N> };
/** A handler of any call, or what stands before one. */
export type AnyHandler = (caller: Caller, ...handed: never[]) => Result | number;
type Factory = (caller: Caller, handler: AnyHandler) => Import;

/** Prefix of the list that a choice is made from, in compiled text. */
const VALUES = 'values_';

const factories = new Map<string, Factory>();

/**
 * The import for `name` on behalf of `caller`, behind which is `handler`. `polled`: the guest's code has no checks of its own, so that each call looks at
 * the epoch word.
 */
export function bind(name: CallName, handler: AnyHandler, caller: Caller, polled: boolean): Import {
  const key = polled ? `${name} polled` : name;
  let factory = factories.get(key);
  if (factory === undefined) {
    factory = compile(TABLE[name], name, polled);
    factories.set(key, factory);
  }
  return factory(caller, handler);
}

/** The WebAssembly signature of a call. */
export function signature(call: Call): { params: readonly string[]; results: readonly string[] } {
  return { params: call.params.flatMap((p) => p.wasm), results: call.noreturn ? [] : ['i32'] };
}

function compile(call: Call, name: CallName, polled: boolean): Factory {
  const answer = polled
    ? (result: string) => `return epoch[0] === 0 ? ${result} : caller.breathe(${result});`
    : (result: string) => `return ${result};`;
  const constants: string[] = [];
  const checks: string[] = [];
  const handed: string[] = [];
  // Of rights: once all arguments are decoded, so that whoever is told of a refusal knows what it was about.
  const rights: Text['rights'] = [];
  let raw = 0;
  // A call that returns a value of its own has 0 for an error.
  for (const parameter of call.params) {
    const a = `a${raw}`;
    const b = `a${raw + 1}`;
    if (parameter.values !== undefined) constants.push(`const ${VALUES}${a} = ${JSON.stringify(parameter.values)};`);
    emit(parameter, a, b, { checks, rights, handed }, (errno) => answer(call.value ? '0' : errno));
    raw += parameter.wasm.reduce((n, type) => n + (type === 'i64' ? 2 : 1), 0);
  }
  const parameters = Array.from({ length: raw }, (_, i) => `a${i}`).join(', ');
  const given = ['caller', ...handed].join(', ');
  const source = `
    const memory = caller.memory, table = caller.capabilities, slots = table.slots, iovecs = caller.iovecs, counts = caller.counts;
    ${polled ? 'const epoch = caller.epoch;' : ''}
    ${constants.join('\n')}
    return function ${name}(${parameters}) {
      counts[${CALLS.indexOf(name)}]++;
      try {
        ${checks.join('\n')}
        ${rights.map((check) => check(given)).join('\n')}
        const answer = handler(${given});
        if (answer === BLOCKED) return -1;
        const result = ${call.value ? 'answer' : 'answer === undefined ? 0 : ERRNO[answer]'};
        ${answer('result')}
      } catch (error) {
        return caller.fault(error);
      }
    };`;
  const make = new Function('caller', 'handler', 'BLOCKED', 'ERRNO', 'decodePath', 'decodeHost', 'lacks', source);
  const facts = factsOf(name);
  const lacks = (by: Capability<CapObject>, needed: number, caller: Caller, ...handed: readonly unknown[]): number =>
    ERRNO[caller.lacks({ call: name, by, rights: needed & ~by.rights, facts: tell(caller, facts, handed) })];
  return (caller, handler) => make(caller, handler, BLOCKED, ERRNO, decodeUtf8, decodeHost, lacks);
}

const decodeHost = (bytes: Uint8Array, at: number, length: number): string | undefined => {
  const text = decodeUtf8(bytes, at, length);
  return text === undefined ? undefined : canonicalHost(text);
};

/** Whether guest memory may not be touched as `use` says: written out, since V8 inlines only so much into one function. */
const outside = (address: string, length: number | string | undefined, use: Parameter['use']): string =>
  `(${address} < memory.from || ${address} + ${length} > memory.to) && !memory.allows(${address}, ${length}, '${use}')`;

/** Statements of a compiled call. */
interface Text {
  readonly checks: string[];
  /** Of rights, from what the handler is called with. */
  readonly rights: ((given: string) => string)[];
  readonly handed: string[];
}

/** Adds the statements that decode and check one parameter, and what the handler is handed for it; `refuse` makes a refusal with an errno. */
function emit(
  parameter: Parameter,
  a: string,
  b: string,
  { checks, rights, handed }: Text,
  refuse: (errno: string) => string,
): void {
  const fail = (test: string, errno: keyof typeof ERRNO) => checks.push(`if (${test}) { ${refuse(String(ERRNO[errno]))} }`);
  const needs = (test: string, mask: number | string | undefined) =>
    rights.push((given) => `const r${a} = ${mask}; if (${test}) { const e = lacks(c${a}, r${a}, ${given}); ${refuse('e')} }`);
  const unsigned = (name: string) => checks.push(`${name} >>>= 0;`);
  switch (parameter.kind) {
    case 'capability':
      unsigned(a);
      checks.push(`const c${a} = ${a} < slots.length ? slots[${a}] : undefined;`);
      fail(`c${a} === undefined`, 'BADF');
      if (parameter.mask !== 0) needs(`(c${a}.rights & r${a}) !== r${a}`, parameter.mask);
      handed.push(`c${a}`);
      return;
    case 'handle':
      unsigned(a);
      checks.push(`const c${a} = table.lookup(${a});`);
      fail(`c${a} === undefined`, 'BADF');
      needs(`c${a}.object.kind !== ${JSON.stringify(parameter.object)} || (c${a}.rights & r${a}) !== r${a}`, parameter.mask);
      handed.push(`c${a}`);
      return;
    case 'port':
      unsigned(a);
      fail(`${a} > 65535`, 'INVAL');
      handed.push(a);
      return;
    case 'host':
      unsigned(a);
      unsigned(b);
      fail(outside(a, b, 'read'), 'FAULT');
      fail(`${b} > ${HOST_MAX}`, 'NAMETOOLONG');
      checks.push(`const h${a} = decodeHost(memory.bytes, ${a}, ${b});`);
      fail(`h${a} === undefined`, 'INVAL');
      handed.push(`h${a}`);
      return;
    case 'slot':
    case 'u32':
      handed.push(`${a} >>> 0`);
      return;
    case 'flags':
      fail(`(${a} & ~${parameter.mask}) !== 0`, 'INVAL');
      handed.push(a);
      return;
    case 'choice':
      unsigned(a);
      fail(`${a} >= ${parameter.values?.length}`, 'INVAL');
      handed.push(`${VALUES}${a}[${a}]`);
      return;
    case 'u64':
      handed.push(`BigInt(${b} >>> 0) << 32n | BigInt(${a} >>> 0)`);
      return;
    case 'size':
      handed.push(`(${b} >>> 0) * 4294967296 + (${a} >>> 0)`);
      return;
    case 'delta':
      handed.push(`${b} * 4294967296 + (${a} >>> 0)`);
      return;
    case 'rights':
      handed.push(`${a} & ${WASI_RIGHTS}`);
      return;
    case 'out':
      unsigned(a);
      fail(outside(a, parameter.bytes, parameter.use), 'FAULT');
      handed.push(a);
      return;
    case 'buffer':
      unsigned(a);
      unsigned(b);
      fail(outside(a, b, parameter.use), 'FAULT');
      handed.push(a, b);
      return;
    case 'path':
    case 'text':
      unsigned(a);
      unsigned(b);
      fail(outside(a, b, 'read'), 'FAULT');
      fail(`${b} > ${PATH_MAX}`, 'NAMETOOLONG');
      checks.push(`const p${a} = decodePath(memory.bytes, ${a}, ${b});`);
      fail(`p${a} === undefined`, 'ILSEQ');
      fail(`p${a}.includes('\\0')`, 'INVAL');
      handed.push(`p${a}`);
      return;
    case 'iovecs':
      unsigned(a);
      unsigned(b);
      // A single element is what nearly all calls have.
      checks.push(`if (${b} === 1) {`);
      fail(outside(a, 8, 'read'), 'FAULT');
      checks.push(`const address = memory.getU32(${a}), length = memory.getU32(${a} + 4);`);
      fail(outside('address', 'length', parameter.use), 'FAULT');
      checks.push(`iovecs.hold(address, length); } else {`);
      checks.push(`const e = iovecs.load(memory, ${a}, ${b}, ${parameter.use === 'write'});`);
      checks.push(`if (e !== undefined) { ${refuse('ERRNO[e]')} } }`);
      handed.push('iovecs');
      return;
  }
}
