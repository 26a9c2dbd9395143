// The command line: finds the command and turns every failure into one line and an exit status. What only some commands need is
// loaded when they are asked for.
import { CommandError, complain, STATUS } from './error.ts';
import { parseRun, suggest } from './parse.ts';
import { run } from './run.ts';

/** Commands other than `run`. */
const COMMANDS = ['doctor', 'help'];
const FLAGS = ['--help', '-h', '--version', '-V'];

/** The exit status. Never rejects. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    if (error instanceof CommandError) {
      complain(error.message);
      return error.status;
    }
    complain(`internal error: ${error instanceof Error ? error.message : String(error)}`);
    return STATUS.failed;
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
    if (first === 'run' || !(error instanceof CommandError) || error.status !== STATUS.notFound) throw error;
    const meant = suggest(first, ['run', ...COMMANDS]);
    throw new CommandError(`${error.message}${meant === undefined ? '' : `; did you mean superos ${meant}?`}`, error.status);
  }
}
