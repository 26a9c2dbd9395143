// `superos run`: one program with this terminal's or script's standard streams, and its end as the command's.

import { DiskCache } from '../hal/node/cache.ts';
import { Machine } from '../index.ts';
import type { ProcessBuilder } from '../machine/builder.ts';
import type { ChildProcess } from '../machine/child.ts';
import { SuperosError } from '../machine/error.ts';
import { withStandard } from '../machine/grants.ts';
import { Programs } from '../runtime/program.ts';
import { CommandError, STATUS, say } from './error.ts';
import type { RunRequest } from './options.ts';
import { programOf } from './program.ts';
import { jsonResults, resultLines } from './results.ts';
import { ended, epitaph, exitCode, jsonStatus } from './status.ts';

/** The exit status. Throws CommandError where the program could not be started. */
export async function run(request: RunRequest): Promise<number> {
  const programs = new Programs(request.cache ? new DiskCache() : undefined);
  const raw = request.raw || request.dedicated;
  const program = await programOf(request.program, programs, raw ? { raw } : {});
  const machine = await Machine.boot({ cpus: 0 });
  const child = await spawn(configure(machine.process(program), request), request);
  // Without checks and on this thread, a signal that is caught here would never be: it ends the command itself.
  const sent = inPlace(request) && raw ? new Set<string>() : forwardSignals(child);
  const status = await child.wait();
  await machine[Symbol.asyncDispose]();
  const { results } = child;
  if (results !== undefined && request.invoke !== undefined) {
    for (const line of resultLines(program, request.invoke, results)) say('stdout', line);
  }
  if (request.json) say('stderr', jsonStatus(status, results && jsonResults(results)));
  else if (!(status.reason === 'signal' && sent.has(status.signal!))) {
    const text = epitaph(program.name, status);
    if (text !== undefined) say('stderr', text);
  }
  return exitCode(status);
}

function configure(process: ProcessBuilder, request: RunRequest): ProcessBuilder {
  const { invoke, argv0, cwd, memory, timeout, cpuTime, pids, fds, nice, args } = request;
  process.stdio('inherit').env(environment(request));
  process.capabilities(request.standard ? withStandard(request.grants) : request.grants);
  process.limits({
    ...(memory === undefined ? {} : { memory }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(cpuTime === undefined ? {} : { cpuTime }),
    ...(pids === undefined ? {} : { processes: pids }),
    ...(fds === undefined ? {} : { fds }),
  });
  if (nice !== undefined) process.nice(nice);
  if (request.dedicated) process.scheduling('dedicated');
  else if (request.raw) process.scheduling('raw', { share: inPlace(request) });
  if (argv0 !== undefined) process.argv0(argv0);
  if (cwd !== undefined) process.cwd(cwd);
  if (invoke === undefined) process.args(args);
  else process.invoke(invoke, args);
  return process;
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
function optionOf(message: string, { grants, invoke }: RunRequest): string | undefined {
  if (message.includes('--')) return undefined;
  if (message.includes('limit on processes')) return '--pids';
  for (const one of grants)
    if (
      typeof one === 'object' &&
      'dir' in one &&
      (message.includes(`directory ${one.dir}`) || message.startsWith(`${one.dir} is`))
    )
      return '--dir';
  return invoke === undefined ? undefined : `--invoke ${invoke}`;
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
