// `superos run`: one program with this terminal's or script's standard streams, and its end as the command's.

import type { Policy } from '../caps/policy/policy.ts';
import { DiskCache } from '../hal/node/cache.ts';
import { engine } from '../hal/node/engine.ts';
import { Machine } from '../index.ts';
import type { ExitStatus } from '../kernel/status.ts';
import type { ProcessBuilder } from '../machine/builder.ts';
import type { ChildProcess } from '../machine/child.ts';
import { SuperosError } from '../machine/error.ts';
import { formatGrant, parseGrant } from '../machine/grammar.ts';
import { type Grant, policiesAmong, withStandard } from '../machine/grants.ts';
import { type Program, Programs } from '../runtime/program.ts';
import { CommandError, STATUS, say } from './error.ts';
import type { RunRequest } from './options.ts';
import { programOf } from './program.ts';
import { jsonResults, resultLines } from './results.ts';
import { ended, epitaph, exitCode, jsonStatus } from './status.ts';

/** What another command wants of a run. */
export interface Watcher {
  /** Before the program starts. */
  configure(process: ProcessBuilder): void;
  /** After its end. */
  ended(status: ExitStatus): void;
}

/** The exit status. Throws CommandError where the program could not be started. */
export async function run(request: RunRequest, watcher?: Watcher): Promise<number> {
  const programs = new Programs(engine, request.cache ? new DiskCache() : undefined);
  const raw = request.raw || request.dedicated;
  const program = await programOf(request.program, programs, raw ? { raw } : {});
  const governing = request.policies.length === 0 ? undefined : await policyOf(request, program);
  const machine = await boot(request, [...(governing?.files ?? []), ...(await grantedFiles(request, governing?.policy))]);
  const builder = configure(machine.process(program), request);
  if (governing !== undefined) await govern(builder, request, governing.policy);
  watcher?.configure(builder);
  const child = await spawn(builder, request);
  // Nobody else waits to be told where it listens.
  const mayListen = request.grants.length > 0 || request.policies.length > 0;
  if (mayListen && child.info().capabilities.some(isAnyPort)) await announce(child, request);
  // Without checks and on this thread, a signal that is caught here would never be: it ends the command itself.
  const sent = inPlace(request) && raw ? new Set<string>() : forwardSignals(child);
  const status = await child.wait();
  await machine[Symbol.asyncDispose]();
  watcher?.ended(status);
  const { results } = child;
  if (results !== undefined && request.invoke !== undefined) {
    for (const line of resultLines(program, request.invoke, results)) say('stdout', line);
  }
  if (request.json) say('stderr', jsonStatus(status, results && jsonResults(results)));
  else if (!(status.reason === 'signal' && sent.has(status.signal!))) {
    const text = epitaph(program.name, status);
    if (text !== undefined) say('stderr', text);
    for (const line of await refusals(program.name, status, request)) say('stderr', line);
  }
  return exitCode(status);
}

function configure(process: ProcessBuilder, request: RunRequest): ProcessBuilder {
  const { invoke, argv0, cwd, memory, timeout, cpuTime, pids, fds, nice, args } = request;
  process.stdio('inherit').env(environment(request));
  if (request.policies.length === 0) process.capabilities(given(request));
  process.limits({
    ...(memory === undefined ? {} : { memory }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(cpuTime === undefined ? {} : { cpuTime }),
    ...(pids === undefined ? {} : { processes: pids }),
    ...(fds === undefined ? {} : { fds }),
  });
  if (nice !== undefined) process.nice(nice);
  process.protect(Object.fromEntries(request.unprotected.map((name) => [name, false])));
  if (request.dedicated) process.scheduling('dedicated');
  else if (request.raw) process.scheduling('raw', { share: inPlace(request) });
  if (argv0 !== undefined) process.argv0(argv0);
  if (cwd !== undefined) process.cwd(cwd);
  if (invoke === undefined) process.args(args);
  else process.invoke(invoke, args);
  return process;
}

const given = ({ standard, grants }: RunRequest): readonly Grant[] => (standard ? withStandard(grants) : grants);

/** A grant to listen at whatever port is free, as text. */
const isAnyPort = (grant: string): boolean => /^net:listen:.*:0$/.test(grant);

/** Where such a program listens is known now, to nobody else. */
async function announce(child: ChildProcess, { json }: RunRequest): Promise<void> {
  for (const { address, grant } of await child.capabilities()) {
    if (address === undefined || grant === undefined || !isAnyPort(grant)) continue;
    say('stderr', json ? JSON.stringify({ listening: address }) : `superos: listening on ${address}`);
  }
}

/** All policies in one, and the files that they came from. */
async function policyOf({ policies }: RunRequest, program: Program): Promise<{ policy: Policy; files: readonly string[] }> {
  const { checkTarget, filesOf, layered, readPolicy } = await import('../machine/policy.ts');
  return failing('--policy', async () => {
    const read = await Promise.all(policies.map((name) => readPolicy(name)));
    for (const one of read) checkTarget(one, program);
    const policy = layered(read);
    return { policy, files: filesOf(policy) };
  });
}

/** The files of the policies that the program may put others under. */
async function grantedFiles({ grants }: RunRequest, policy: Policy | undefined): Promise<readonly string[]> {
  const listed = policy?.layers.flatMap(({ capabilities = [] }) => capabilities.map(({ text }) => parseGrant(text))) ?? [];
  const names = policiesAmong([...grants, ...listed]);
  if (names.length === 0) return [];
  const { filesOf, readPolicy } = await import('../machine/policy.ts');
  return failing('--cap', async () => (await Promise.all(names.map((name) => readPolicy(name)))).flatMap(filesOf));
}

/** The policy, who answers for it, and of the standard set what it lets a program have. */
async function govern(process: ProcessBuilder, request: RunRequest, policy: Policy): Promise<void> {
  const [{ permitted }, { asker }] = await Promise.all([import('../machine/governed.ts'), import('./ask.ts')]);
  const notify = asker();
  process.policy(policy, { mode: request.policyAudit ? 'audit' : 'enforce', ...(notify && { notify }) });
  const { grants, standard } = request;
  if (grants.length === 0 && standard) return;
  const own = given(request).filter((one) => !grants.includes(one));
  process.capabilities([...(request.policyAudit ? own : permitted(policy, own)), ...grants]);
}

/** No program changes the policies that it runs under, nor the log that tells of it. */
async function boot({ audit }: RunRequest, protect: readonly string[] = []): Promise<Machine> {
  const options = { cpus: 0, protect };
  return audit === undefined ? Machine.boot(options) : failing('--audit', () => Machine.boot({ ...options, audit }));
}

/** An error of the machine's is one of the option's value. */
async function failing<T>(option: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof SuperosError)) throw error;
    throw new CommandError(`${option}: ${error.message}`);
  }
}

/** Lines for a person; the module is loaded where there is something to tell. */
async function refusals(program: string, status: ExitStatus, { policyAudit }: RunRequest): Promise<string[]> {
  const { refused = [], logged = [] } = status;
  if (refused.length + logged.length === 0) return [];
  const { loggedLines, refusalLines } = await import('./refusals.ts');
  return [...loggedLines(program, logged), ...refusalLines(program, refused, !policyAudit)];
}

/** Whether the program runs on this thread. Without checks nothing ends it there when its time is over. */
const inPlace = ({ raw, dedicated, timeout, cpuTime }: RunRequest): boolean =>
  !dedicated && !(raw && (timeout !== undefined || cpuTime !== undefined));

function environment({ environment, cwd }: RunRequest): Record<string, string> {
  // Programs in Go and shells take their working directory from here.
  // Names are the caller's choice: an object without a prototype takes any.
  const variables: Record<string, string> = Object.create(null);
  if (cwd !== undefined) variables['PWD'] = cwd;
  for (const [name, given] of environment) {
    const value = given ?? process.env[name];
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}

async function spawn(process: ProcessBuilder, request: RunRequest): Promise<ChildProcess> {
  try {
    return await process.spawn();
  } catch (error) {
    if (!(error instanceof SuperosError)) throw error;
    if (error.code === 'not-runnable') throw new CommandError(error.message, STATUS.notRunnable);
    const option = optionOf(error.message, request);
    throw new CommandError(option === undefined ? error.message : `${option}: ${error.message}`);
  }
}

/** The option that an error is about, where its message does not name it. */
function optionOf(message: string, { options, invoke }: RunRequest): string | undefined {
  if (message.includes('--')) return undefined;
  if (message.includes('limit on processes')) return '--pids';
  for (const [grant, option] of options) if (isAbout(message, grant)) return `--${option}`;
  return invoke === undefined ? undefined : `--invoke ${invoke}`;
}

function isAbout(message: string, grant: Grant): boolean {
  if (typeof grant === 'string') return false;
  if ('dir' in grant) return message.includes(`directory ${grant.dir}`) || message.startsWith(`${grant.dir} is`);
  return 'program' in grant ? message.includes(grant.program) : message.startsWith(`${formatGrant(grant)}: `);
}

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Passes on what is sent to this command; a second Ctrl-C ends the command whatever the guest does. Returns what was passed on. */
function forwardSignals(child: ChildProcess): ReadonlySet<string> {
  const sent = new Set<string>();
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (sent.has(signal) || !child.kill(signal)) process.exit(ended(signal));
      sent.add(signal);
    });
  }
  return sent;
}
