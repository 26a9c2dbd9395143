// From what an embedder said of a process to the order for it: programs are loaded, policies read, and all is checked that can be
// checked without the host that it will run on.
import type { Policy } from '../caps/policy/policy.ts';
import { DEFAULT_LIMITS } from '../kernel/limits.ts';
import type { Protect } from '../kernel/protection.ts';
import type { LoadOptions } from '../runtime/plan.ts';
import type { ProcessOptions } from './builder.ts';
import type { Governed } from './governed.ts';
import { formatGrant } from './grammar.ts';
import { policiesAmong, programsAmong, STANDARD } from './grants.ts';
import { type HostFunctions, plainGrant } from './hostfunction.ts';
import { invocation } from './invocation.ts';
import type { LoadedPolicy, LoadedProgram, Order } from './order.ts';
import type { Regions } from './region.ts';
import { isLoaded, type ProgramLoader } from './source.ts';

/** Rejects with SuperosError. `granted`: what it is granted, as text. */
export async function orderOf(
  options: ProcessOptions,
  loader: ProgramLoader,
  functions: HostFunctions,
  regions: Regions,
): Promise<Order & { readonly granted: readonly string[] }> {
  const { source } = options;
  // What is there already is not waited for: a turn of the host's queue takes longer than most of what is done here.
  let ruling: Ruling | undefined;
  let policy: Policy | undefined;
  if (options.policy !== undefined) {
    ruling = loaded ?? (await load());
    policy = ruling.isRead(options.policy) ? options.policy : await ruling.readPolicy(options.policy);
  }
  const program = isLoaded(source)
    ? source
    : await loader.load(source, loadOptions(options.scheduling !== 'shared', options.protect));
  const { grants, environment, limits } = governed(options, ruling, policy);
  // Most have none.
  const named = grants.filter((one) => typeof one === 'object');
  const [paths, names] = named.length === 0 ? [[], []] : [programsAmong(named), policiesAmong(named)];
  if (policy !== undefined) ruling?.checkTarget(policy, program);
  return {
    program,
    args: [options.argv0 ?? program.name, ...options.args],
    environment,
    grants: grants.map(plainGrant),
    granted: grants.map(formatGrant),
    functions: functions.orders(named),
    regions: regions.orders(named),
    programs: paths.length === 0 ? [] : await loadPrograms(loader, paths, options),
    policies: names.length === 0 ? [] : await loadPolicies(names),
    cwd: options.cwd,
    stdio: options.stdio,
    limits: { ...DEFAULT_LIMITS, ...limits },
    nice: options.nice,
    protect: options.protect,
    policy,
    enforce: options.policyMode === 'enforce',
    task: typeof options.task === 'string' ? options.task : invocation(program, options.task),
  };
}

type Ruling = typeof import('./policy.ts') & typeof import('./governed.ts');

/** What policies take, loaded with the first of them. */
let loaded: Ruling | undefined;

async function load(): Promise<Ruling> {
  const [policy, governed] = await Promise.all([import('./policy.ts'), import('./governed.ts')]);
  loaded = { ...policy, ...governed };
  return loaded;
}

/** What a policy makes of what was said. */
function governed(options: ProcessOptions, ruling: Ruling | undefined, policy: Policy | undefined): Governed {
  if (ruling === undefined || policy === undefined) return { ...options, grants: options.grants ?? STANDARD };
  return ruling.governed(policy, options, options.policyMode === 'enforce');
}

export const loadOptions = (raw: boolean, { stack, 'null-page': nullPage }: Protect = {}): LoadOptions => ({
  ...(raw && { raw }),
  ...(stack !== undefined && { stack }),
  ...(nullPage === false && { probe: false }),
});

async function loadPolicies(names: readonly string[]): Promise<LoadedPolicy[]> {
  const { readPolicy, confinementOf } = loaded ?? (await load());
  return Promise.all(names.map(async (name) => ({ name, confinement: confinementOf(await readPolicy(name)) })));
}

/** Programs that a process is to be able to start. They share its thread, and are loaded as it is. */
function loadPrograms(loader: ProgramLoader, paths: readonly string[], options: ProcessOptions): Promise<LoadedProgram[]> {
  const load = (path: string) => loader.load(path, loadOptions(options.scheduling !== 'shared', options.protect));
  return Promise.all(paths.map(async (path) => ({ path, program: await load(path) })));
}
