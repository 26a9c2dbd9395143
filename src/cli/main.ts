// The command line: finds the command and turns every failure into one line and an exit status. What only some commands need is
// loaded when they are asked for.
import { nearest } from '../caps/nearest.ts';
import { CommandError, complain, STATUS, say } from './error.ts';
import { parseRun } from './parse.ts';
import { run } from './run.ts';
import { jsonFailure } from './status.ts';

/** Commands other than `run`. */
const COMMANDS = ['audit', 'doctor', 'help', 'inspect', 'policy', 'template'];
const FLAGS = ['--help', '-h', '--version', '-V'];

/** The exit status. Never rejects. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    const { message, status } = internal(error);
    complain(message);
    return status;
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (first === undefined) throw new CommandError('a command or a PROGRAM is expected; see superos help');
  if (COMMANDS.includes(first) || FLAGS.includes(first)) return (await import('./commands.ts')).command(args);
  const request = parseRun(first === 'run' ? args.slice(1) : args);
  if (request.help) return (await import('./commands.ts')).command(['help', 'run']);
  try {
    return await run(request);
  } catch (error) {
    const failure = described(error, first);
    if (!request.json) throw failure;
    say('stderr', jsonFailure(failure.status, failure.message));
    return failure.status;
  }
}

/** Why a program could not be run, as `superos WORD ...` was meant. */
function described(error: unknown, word: string): CommandError {
  const failure = internal(error);
  if (word === 'run' || failure.status !== STATUS.notFound) return failure;
  const meant = nearest(word, ['run', ...COMMANDS]);
  return meant === undefined ? failure : new CommandError(`${failure.message}; did you mean superos ${meant}?`, failure.status);
}

const internal = (error: unknown): CommandError =>
  error instanceof CommandError
    ? error
    : new CommandError(`internal error: ${error instanceof Error ? error.message : String(error)}`);
