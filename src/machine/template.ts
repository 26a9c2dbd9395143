// Templates: a program is run to a point once, and processes start from there. What it read until then (randomness, its
// environment, files, clocks) is in all of them; what a process is given it is given anew.
import type { Layout } from '../runtime/layout.ts';
import type { Program, Sealed } from '../runtime/program.ts';
import type { ChildProcess } from './child.ts';
import { SuperosError } from './error.ts';
import type { Grant } from './grants.ts';
import type { LimitOptions } from './limits.ts';
import type { Machine } from './machine.ts';
import type { TemplateProgram } from './template-file.ts';

export interface TemplateOptions {
  /**
   * The export after which the program stands still: `_initialize` by default, which reactors have. Or what brings it there after
   * `_initialize`: calls with arguments, writes to its memory.
   */
  readonly until?: string | ((child: ChildProcess) => Promise<unknown>);
  /** For the program until then, as a process builder has them: arguments from argv[1] on. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Nothing of it is in the template; none by default. */
  readonly capabilities?: readonly (Grant | string)[];
  readonly limits?: LimitOptions;
}

const INITIALIZE = '_initialize';
/** Calls by which a program reads what differs from one place and time to another. */
const READS =
  /^(args_get|environ_get|random_get|clock_time_get|fd_p?read|fd_readdir|path_open|path_filestat_get|path_readlink|sock_|net_)/;

/** What `machine.template` makes: a program to start processes from. It is plain data but for its end. */
export class Template implements TemplateProgram, Disposable {
  readonly name: string;
  readonly module: WebAssembly.Module;
  readonly layout: Layout;
  readonly hash: string | undefined;
  readonly sealed: Sealed;
  /** Calls by which it read something of where it was made, and how often: all processes that start from it share that. */
  readonly reads: Readonly<Record<string, number>>;
  /** Undefined once it was given back. */
  #forget: (() => void) | undefined;

  constructor(program: Program, sealed: Sealed, reads: Readonly<Record<string, number>>, forget: () => void) {
    this.name = program.name;
    this.module = program.module;
    this.layout = program.layout;
    this.hash = program.hash;
    this.sealed = sealed;
    this.reads = reads;
    this.#forget = forget;
  }

  /** Gives back what kernels keep for its next processes. Those that run go on. */
  [Symbol.dispose](): void {
    this.#forget?.();
    this.#forget = undefined;
  }
}

/** Runs a program that was loaded for it. Rejects with SuperosError. */
export async function makeTemplate(
  machine: Machine,
  program: Program,
  options: TemplateOptions,
  forget: (template: Template) => void,
): Promise<Template> {
  if (program.sealed !== undefined) return again(program as TemplateProgram, options, forget);
  const { until = INITIALIZE, args = [], env = {}, capabilities = [], limits = {} } = options;
  if (typeof until === 'string' && !program.layout.exports.some(({ kind, name }) => kind === 'function' && name === until))
    throw new SuperosError('invalid-argument', `${program.name} exports no function ${until} to run until`);
  const builder = machine.process(program).args(args).env(env).capabilities(capabilities).limits(limits);
  await using child = await builder.stdio('null').reactor().spawn();
  const sealed = await run(child, until);
  child.kill('SIGKILL');
  // Complete only at its end, where it is on a thread.
  const { usage } = await child.wait();
  const reads = Object.entries(usage.calls).filter(([name]) => READS.test(name));
  if (typeof sealed === 'string') throw new SuperosError('not-supported', `${program.name} cannot be a template: ${sealed}`);
  const template: Template = new Template(program, sealed, Object.fromEntries(reads), () => forget(template));
  return template;
}

/** Of a file, or of another template: nothing is run. */
function again(program: TemplateProgram, options: TemplateOptions, forget: (template: Template) => void): Template {
  if (Object.keys(options).length > 0)
    throw new SuperosError('invalid-argument', `${program.name} is a template: nothing can be said of how it is made`);
  const template: Template = new Template(program, program.sealed, program.reads, () => forget(template));
  return template;
}

async function run(child: ChildProcess, until: NonNullable<TemplateOptions['until']>): Promise<Sealed | string> {
  if (typeof until === 'function') await until(child);
  else if (until !== INITIALIZE) await child.call(until);
  const sealed = await child.seal();
  if (sealed !== undefined) return sealed;
  const { reason, message } = await child.wait();
  throw new SuperosError(
    'ended',
    `it ended before ${typeof until === 'string' ? `it came to ${until}` : 'it stood still'}: ${message ?? reason}`,
  );
}
