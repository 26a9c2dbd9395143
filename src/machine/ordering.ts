// From what an embedder said of a process to the order for it: programs are loaded, policies read, and all is checked that can be
// checked without the host that it will run on.
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
import type { ProgramLoader } from './source.ts';

/** Rejects with SuperosError. `granted`: what it is granted, as text. */
export async function orderOf(
  options: ProcessOptions,
  loader: ProgramLoader,
  functions: HostFunctions,
  regions: Regions,
): Promise<Order & { readonly granted: readonly string[] }> {
  const { policy, grants, environment, limits } = await govern(options);
  const program = await loader.load(options.source, loadOptions(options.scheduling !== 'shared', options.protect));
  // Most have none.
  const named = grants.filter((one) => typeof one === 'object');
  const [paths, names] = [programsAmong(named), policiesAmong(named)];
  if (policy !== undefined) (await policies()).checkTarget(policy, program);
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

/** What policies take, loaded with the first of them. */
let loaded: ReturnType<typeof load> | undefined;

const policies = (): ReturnType<typeof load> => {
  loaded ??= load();
  return loaded;
};

async function load() {
  const [policy, governed] = await Promise.all([import('./policy.ts'), import('./governed.ts')]);
  return { ...policy, ...governed };
}

/** What a policy makes of what was said. */
async function govern(options: ProcessOptions): Promise<Governed> {
  if (options.policy === undefined) return { ...options, policy: undefined, grants: options.grants ?? STANDARD };
  const { readPolicy, governed } = await policies();
  return governed(await readPolicy(options.policy), options, options.policyMode === 'enforce');
}

export const loadOptions = (raw: boolean, { stack, 'null-page': nullPage }: Protect = {}): LoadOptions => ({
  ...(raw && { raw }),
  ...(stack !== undefined && { stack }),
  ...(nullPage === false && { probe: false }),
});

async function loadPolicies(names: readonly string[]): Promise<LoadedPolicy[]> {
  const { readPolicy, confinementOf } = await policies();
  return Promise.all(names.map(async (name) => ({ name, confinement: confinementOf(await readPolicy(name)) })));
}

/** Programs that a process is to be able to start. They share its thread, and are loaded as it is. */
function loadPrograms(loader: ProgramLoader, paths: readonly string[], options: ProcessOptions): Promise<LoadedProgram[]> {
  const load = (path: string) => loader.load(path, loadOptions(options.scheduling !== 'shared', options.protect));
  return Promise.all(paths.map(async (path) => ({ path, program: await load(path) })));
}
