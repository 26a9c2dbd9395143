// The WebAssembly core suite: every script runs twice, with original and with rewritten modules. An assertion fails where the
// original satisfies it and the rewritten module does not, or where both trap with different messages. What V8 itself cannot do
// is listed, never skipped in silence.

import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse as parseText } from '@bytecodealliance/jco-transpile/wasm-tools';
import startWabt from 'wabt';
import { decodeUtf8 } from '../../src/hal/utf8.ts';
import { probe } from './probe.ts';
import { atom, head, isIdentifier, type List, type Node, split, type Value, value } from './wast.ts';
import { clones, type Instance, type Instantiable, OriginalWorld, RewrittenWorld, SPECTEST, type World } from './worlds.ts';

export interface FileReport {
  readonly file: string;
  /** Everything that the script asks for; `assertions` are those that start with `assert_`. */
  readonly commands: number;
  readonly assertions: number;
  /** Assertions that hold. */
  readonly original: number;
  readonly rewritten: number;
  readonly failures: readonly string[];
  /** Assertions that the original fails in V8, with V8's reason. */
  readonly lacking: readonly { readonly at: string; readonly reason: string }[];
}

/** Why a command is not satisfied. */
class Unsatisfied extends Error {}

/** The text parser refuses this module. */
class TextError extends Error {}

/** The outcome of a command: passed, and what a comparison between the worlds has to find equal. */
interface Outcome {
  readonly passed: boolean;
  readonly detail: string;
}

const FAILURES_SHOWN = 5;

const COMMANDS = new Set([
  'module',
  'register',
  'invoke',
  'get',
  'assert_return',
  'assert_trap',
  'assert_exhaustion',
  'assert_exception',
  'assert_invalid',
  'assert_malformed',
  'assert_unlinkable',
  'assert_uninstantiable',
  'assert_invalid_custom',
  'assert_malformed_custom',
]);

const binaries = new Map<string, Promise<Uint8Array>>();

function firstLine(error: unknown): string {
  const { payload, message } = error as { payload?: string; message: string };
  return String(payload ?? message).split('\n')[0]!;
}

function escapeNonAscii(text: string): string {
  return text.replaceAll(/[\u0080-\u{10ffff}]/gu, (character) =>
    Buffer.from(character).toString('hex').replaceAll(/../g, '\\$&'),
  );
}

/**
 * Text to binary, by wasm-tools. It refuses confusable characters in strings and knows no folded form of legacy exceptions: a module
 * that has to be `valid` gets a second try with escapes, and a third with wabt.
 */
async function parseAny(text: string, valid: boolean): Promise<Uint8Array> {
  try {
    return await parseText(text);
  } catch (error) {
    const refusal = new TextError(firstLine(error));
    if (!valid) throw refusal;
    const wabt = await startWabt();
    const escaped = parseText(escapeNonAscii(text));
    return escaped.catch(() => {
      try {
        return wabt.parseWat('script.wat', text, { exceptions: true, tail_call: true }).toBinary({}).buffer;
      } catch {
        throw refusal;
      }
    });
  }
}

function fromText(text: string, valid: boolean): Promise<Uint8Array> {
  let binary = binaries.get(text);
  if (binary === undefined) {
    binary = parseAny(text, valid);
    // A rejection is handled where the promise is awaited.
    binary.catch(() => undefined);
    binaries.set(text, binary);
  }
  return binary;
}

function stringBytes(nodes: readonly Node[]): Uint8Array {
  return Buffer.concat(nodes.flatMap((node) => (node.kind === 'string' ? [node.bytes] : [])));
}

/** The binary of `(module ...)`, whatever its form. */
function binaryOf(script: string, node: List, valid = true): Promise<Uint8Array> {
  const items = node.items.slice(1);
  if (['definition', 'instance'].includes(atom(items[0]) ?? '')) items.shift();
  if (isIdentifier(items[0])) items.shift();
  const form = atom(items[0]);
  if (form === 'binary') return Promise.resolve(stringBytes(items));
  if (form === 'quote') {
    const quoted = stringBytes(items);
    const text = decodeUtf8(quoted);
    if (text === undefined) return Promise.reject(new TextError('malformed UTF-8 encoding'));
    return fromText(text, valid);
  }
  return fromText(script.slice(node.start, node.end).replace(/^\(module\s+definition\b/, '(module'), valid);
}

/** A name in a script, which the text format lets be nothing but UTF-8. */
function nameText(bytes: Uint8Array): string {
  const name = decodeUtf8(bytes);
  if (name === undefined) throw new TextError('malformed UTF-8 encoding');
  return name;
}

const hosts: object[] = [];

function host(number: number): object {
  hosts[number] ??= { host: number };
  return hosts[number]!;
}

const view = new DataView(new ArrayBuffer(8));

/** The JavaScript value of an argument, or of a result that JavaScript sees exactly; undefined for others. */
function scriptValue(argument: Value): { value: unknown } | undefined {
  switch (argument.type) {
    case 'i32':
      return { value: Number(BigInt.asIntN(32, argument.bits as bigint)) };
    case 'i64':
      return { value: BigInt.asIntN(64, argument.bits as bigint) };
    case 'f32':
    case 'f64': {
      if (typeof argument.bits !== 'bigint') return undefined;
      view.setBigUint64(0, argument.type === 'f32' ? argument.bits << 32n : argument.bits);
      const number = argument.type === 'f32' ? view.getFloat32(0) : view.getFloat64(0);
      return Number.isNaN(number) ? undefined : { value: number };
    }
    case 'ref':
      if (argument.kind === 'null') return { value: null };
      return { value: argument.number === undefined ? undefined : host(argument.number) };
    default:
      return undefined;
  }
}

function sameReference(actual: unknown, kind: string, number: number | undefined): boolean {
  switch (kind) {
    case 'null':
      return actual === null;
    case 'extern':
    case 'host':
      return number === undefined ? actual !== null && actual !== undefined : actual === host(number);
    case 'func':
      return typeof actual === 'function';
    case 'i31':
      return typeof actual === 'number';
    case 'struct':
    case 'array':
      return typeof actual === 'object' && actual !== null && Object.getPrototypeOf(actual) === null;
    default:
      return actual !== null && actual !== undefined;
  }
}

function same(actual: unknown, expected: Value): boolean {
  if (expected.type === 'ref') return sameReference(actual, expected.kind, expected.number);
  if (expected.type === 'either') return expected.values.some((one) => same(actual, one));
  const exact = scriptValue(expected);
  return exact !== undefined && Object.is(actual, exact.value);
}

/** Types that a JavaScript caller cannot pass or receive. */
const OPAQUE = new Set(['v128', 'exnref', 'nullexnref', '(ref exn)', '(ref noexn)']);

/** What comes of `act`, as text, and as it is. */
function attempt(act: () => boolean): { text: string; result: () => boolean } {
  try {
    const result = act();
    return { text: String(result), result: () => result };
  } catch (error) {
    const rethrow = () => {
      throw error;
    };
    return { text: String(error), result: rethrow };
  }
}

class Script {
  readonly #world: World;
  readonly #script: string;
  readonly #modules = new Map<string, Instantiable>();
  readonly #instances = new Map<string, Instance>();
  #current: Instance | undefined;
  /** Of instances that can be recycled: what they did, and a way to do it again. */
  readonly #actions = new Map<Instance, { readonly first: string; readonly again: () => string }[]>();
  /** Why there is no current instance. */
  #missing = 'no module';

  constructor(world: World, script: string) {
    this.#world = world;
    this.#script = script;
  }

  async run(node: Node): Promise<Outcome> {
    try {
      return { passed: true, detail: (await this.#command(node as List)) ?? '' };
    } catch (error) {
      return { passed: false, detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
    }
  }

  /** Runs one command; throws where it is not satisfied. Returns what must be the same in both worlds. */
  async #command(node: List): Promise<string | undefined> {
    const items = node.items.slice(1);
    const [first, second] = items;
    switch (head(node)) {
      case 'module':
        await this.#module(node);
        return undefined;
      case 'register': {
        const name = nameText((first as { bytes: Uint8Array }).bytes);
        const registered = this.#instance(second);
        this.#world.register(name, registered);
        // Others use it between its own actions.
        this.#actions.delete(registered);
        return undefined;
      }
      case 'invoke':
      case 'get':
        this.#act(node as List, undefined);
        return undefined;
      case 'assert_return':
        if (!this.#act(first as List, items.slice(1).map(value))) throw new Unsatisfied('wrong result');
        return undefined;
      case 'assert_trap':
        return this.#fails(first as List, (error) => error instanceof WebAssembly.RuntimeError || isAllocationFailure(error));
      case 'assert_uninstantiable':
        return this.#fails(first as List, (error) => error instanceof WebAssembly.RuntimeError);
      case 'assert_exhaustion':
        return this.#fails(first as List, (error) => error instanceof RangeError);
      case 'assert_exception':
        await this.#fails(first as List, (error) => error instanceof WebAssembly.Exception);
        return undefined;
      case 'assert_unlinkable':
        await this.#fails(first as List, (error) => error instanceof WebAssembly.LinkError || error instanceof TypeError);
        return undefined;
      default:
        await this.#refused(first as List);
        return undefined;
    }
  }

  async #module(node: List): Promise<void> {
    const kind = atom(node.items[1]);
    const identifiers = node.items
      .slice(1, 4)
      .filter(isIdentifier)
      .map((item) => atom(item)!);
    this.#current = undefined;
    this.#missing = 'the module before it was refused';
    try {
      if (kind === 'instance') {
        const module = this.#modules.get(identifiers[1] ?? '');
        if (module === undefined) throw new Unsatisfied(`no module ${identifiers[1]}`);
        this.#adopt(module.instantiate(), identifiers[0]);
        return;
      }
      const module = this.#world.compile(await binaryOf(this.#script, node));
      if (kind === 'definition') this.#modules.set(identifiers[0] ?? '', module);
      else this.#adopt(module.instantiate(), identifiers[0]);
    } catch (error) {
      this.#missing = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  #adopt(instance: Instance, identifier: string | undefined): void {
    this.#current = instance;
    if (instance.recycle !== undefined) this.#actions.set(instance, []);
    if (identifier !== undefined) this.#instances.set(identifier, instance);
  }

  #instance(identifier: Node | undefined): Instance {
    const instance = isIdentifier(identifier) ? this.#instances.get(atom(identifier)!) : this.#current;
    if (instance === undefined) throw new Unsatisfied(this.#missing);
    return instance;
  }

  /** Every recycled instance does again what it did. */
  replay(what: string): void {
    for (const [instance, actions] of this.#actions) {
      if (instance.recycle?.() !== true) continue;
      for (const { first, again } of actions) clones?.replay(what, first, again());
    }
  }

  /** `(invoke ...)` or `(get ...)`: whether the results are those expected. */
  #act(action: List, expected: readonly Value[] | undefined): boolean {
    const items = action.items.slice(1);
    const instance = this.#instance(isIdentifier(items[0]) ? items.shift() : undefined);
    const act = () => this.#perform(instance, action, items, expected);
    const { text, result } = attempt(act);
    this.#actions.get(instance)?.push({ first: text, again: () => attempt(act).text });
    return result();
  }

  #perform(instance: Instance, action: List, items: readonly Node[], expected: readonly Value[] | undefined): boolean {
    const name = nameText((items[0] as { bytes: Uint8Array }).bytes);
    const item = instance.exports[name];
    if (head(action) === 'get') {
      const global = item as WebAssembly.Global;
      return expected === undefined || (expected.length === 1 && same(global.value, expected[0]!));
    }
    const type = instance.typeOf(name);
    if (typeof item !== 'function' || type === undefined) throw new Unsatisfied(`no exported function ${name}`);
    const args = items.slice(1).map(value);
    const scriptArgs = args.map(scriptValue);
    const opaque = type.params.concat(type.results).some((one) => OPAQUE.has(one));
    const seen = expected?.every((one) => one.type === 'either' || one.type === 'ref' || scriptValue(one) !== undefined) ?? true;
    if (opaque || !seen || scriptArgs.includes(undefined)) return probe(item, type, args, expected);
    const result = (item as (...args: unknown[]) => unknown)(...scriptArgs.map((one) => one!.value));
    if (expected === undefined) return true;
    const results = type.results.length === 0 ? [] : type.results.length === 1 ? [result] : [...(result as Iterable<unknown>)];
    return results.length === expected.length && expected.every((one, i) => same(results[i], one));
  }

  /** Runs a module or an action that must fail in the given way. */
  async #fails(node: List, how: (error: unknown) => boolean): Promise<string> {
    try {
      if (head(node) === 'module') this.#world.compile(await binaryOf(this.#script, node)).instantiate();
      else this.#act(node, undefined);
    } catch (error) {
      if (!how(error)) throw error;
      // Segments that do not fit trap in the entry function with other words than in V8's instantiation.
      return error instanceof Error && head(node) !== 'module' ? error.message : '';
    }
    throw new Unsatisfied('nothing failed');
  }

  /** The text parser, V8 or the loader has to refuse this module. */
  async #refused(node: List): Promise<void> {
    try {
      this.#world.compile(await binaryOf(this.#script, node, false));
    } catch (error) {
      if (error instanceof TextError || error instanceof WebAssembly.CompileError || (error as Error).name === 'LoadError')
        return;
      throw error;
    }
    throw new Unsatisfied('the module was accepted');
  }
}

// V8 reports an array or memory that it cannot allocate as a RangeError.
function isAllocationFailure(error: unknown): boolean {
  return error instanceof RangeError && !error.message.includes('call stack');
}

let spectest: Promise<Uint8Array> | undefined;

export async function runFile(path: string, root: string): Promise<FileReport> {
  const script = readFileSync(path, 'utf8');
  spectest ??= fromText(SPECTEST, true);
  const prelude = await spectest;
  let nodes = split(script);
  // A script may be the fields of one module.
  const bare = !nodes.some((node) => COMMANDS.has(head(node)));
  const text = bare ? `(module ${script}\n)` : script;
  if (bare) nodes = split(text);
  binaries.clear();
  const original = new Script(new OriginalWorld(prelude), text);
  const rewritten = new Script(new RewrittenWorld(prelude), text);
  const failures: string[] = [];
  const lacking: { at: string; reason: string }[] = [];
  const passed = { original: 0, rewritten: 0 };
  let assertions = 0;
  for (const node of nodes) {
    const keyword = head(node);
    const at = `${keyword}, line ${text.slice(0, (node as List).start).split('\n').length}`;
    if (!COMMANDS.has(keyword)) {
      failures.push(`${at}: unknown command`);
      continue;
    }
    const expected = await original.run(node);
    const actual = await rewritten.run(node);
    if (keyword.startsWith('assert_')) {
      assertions++;
      if (expected.passed) passed.original++;
      if (actual.passed) passed.rewritten++;
    }
    if (!expected.passed) lacking.push({ at, reason: expected.detail.replace(/^\w*Error: /, '') });
    if (expected.passed && !actual.passed) failures.push(`${at}: ${actual.detail}`);
    else if (expected.passed && expected.detail !== actual.detail) {
      failures.push(`${at}: '${actual.detail}' instead of '${expected.detail}'`);
    }
  }
  rewritten.replay(relative(root, path));
  return { file: relative(root, path), commands: nodes.length, assertions, ...passed, failures, lacking };
}

function count(reports: readonly FileReport[], key: 'commands' | 'assertions' | 'original' | 'rewritten'): number {
  return reports.reduce((sum, report) => sum + report[key], 0);
}

/** Runs every script under `root` whose path contains `filter`. Returns the exit code. */
export async function runCore(root: string, filter: string): Promise<number> {
  const started = performance.now();
  const paths = globSync('**/*.wast', { cwd: root }).sort();
  const reports: FileReport[] = [];
  for (const path of paths.filter((one) => one.includes(filter))) {
    const report = await runFile(join(root, path), root);
    reports.push(report);
    const line = `${report.file}: ${report.assertions} assertions, original ${report.original}, rewritten ${report.rewritten}`;
    console.log(report.failures.length > 0 ? `${line}, FAILED ${report.failures.length}` : line);
    for (const failure of report.failures.slice(0, FAILURES_SHOWN)) console.log(`  ${failure}`);
  }
  console.log('\nNot satisfied by V8 itself (original modules):');
  for (const { file, lacking } of reports) {
    const reasons = Map.groupBy(lacking, ({ reason }) => reason);
    for (const [reason, places] of reasons) console.log(`  ${file}: ${places.length} from ${places[0]!.at}: ${reason}`);
  }
  if (clones) console.log(`\n${clones.report()}`);
  const failed = reports.reduce((sum, { failures }) => sum + failures.length, clones?.failures.length ?? 0);
  const lacking = reports.reduce((sum, report) => sum + report.lacking.length, 0);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `\ncore suite: ${reports.length} files, ${count(reports, 'commands')} commands, of them ${count(reports, 'assertions')} assertions: passed by original ${count(reports, 'original')}, ` +
      `by rewritten ${count(reports, 'rewritten')}; V8 fails ${lacking} commands itself; failed ${failed}; ${seconds} s`,
  );
  return failed > 0 || reports.length === 0 ? 1 : 0;
}
