// The commands other than `run`, and the help of all. Only loaded when one of them is asked for.
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { Command, CommanderError } from 'commander';
import { nearest } from '../caps/nearest.ts';
import { CommandError, STATUS } from './error.ts';
import { flagsOf, OPTIONS } from './options.ts';
import { auditCommands, policyCommands } from './policy/commands.ts';
import { templateCommands } from './template.ts';

/** Runs `superos ARGS...`; the exit status. */
export async function command(args: readonly string[]): Promise<number> {
  let status: number = STATUS.ok;
  const superos = new Command('superos')
    .description('Runs WebAssembly programs as processes with no rights but those they are given.')
    .version(version(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .usage('[command] [options]')
    .addHelpText('after', '\nsuperos [options] PROGRAM [ARGS...] means superos run.')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  const run = superos
    .command('run')
    .description('run a program')
    .usage('[options] PROGRAM [ARGS...]')
    .addHelpText(
      'before',
      'PROGRAM is a WebAssembly module, its text form (.wat), a template (.tpl), or - for standard input. What follows it is its own.\n',
    );
  for (const option of OPTIONS) if (option.name !== 'help') run.option(flagsOf(option), option.help);
  superos
    .command('doctor')
    .description('what this host offers, and what is lost without')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const { doctor } = await import('./doctor.ts');
      status = doctor(options.json === true);
    });
  superos
    .command('inspect')
    .description('what a program imports and uses, and what protects it here; nothing of it is run')
    .argument('<program>', 'a WebAssembly module, or its text form (.wat)')
    .option('--json', 'as JSON')
    .action(async (program: string, options: { json?: boolean }) => {
      const { inspect } = await import('./inspect.ts');
      status = await inspect(program, options.json === true);
    });
  const done = (ended: number): void => {
    status = ended;
  };
  policyCommands(superos, done);
  auditCommands(superos, done);
  templateCommands(superos, done);
  if (args[0] === 'policy' && args[1] === 'learn') {
    const { learnPolicy } = await import('./policy/learn.ts');
    const ended = await learnPolicy(args.slice(2));
    // Otherwise help was asked for.
    if (ended !== undefined) return ended;
  }
  const names = superos.commands.map((one) => one.name());
  const [, wanted] = args;
  if (args[0] === 'help' && wanted !== undefined && !names.includes(wanted)) {
    const meant = nearest(wanted, names);
    throw new CommandError(
      `there is no command ${wanted}; ${meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`}`,
    );
  }
  for (const one of superos.commands) one.exitOverride().configureOutput({ writeErr: () => undefined });
  try {
    await superos.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return STATUS.ok;
    if (error.code === 'commander.help') throw incomplete(superos, args);
    if (error.code === 'commander.unknownCommand') throw unknown(superos, args);
    throw new CommandError(error.message.replace(/^error: /, '').replaceAll('\n', ' '));
  }
}

const commandsOf = (superos: Command, group: string | undefined): string[] =>
  (superos.commands.find((one) => one.name() === group)?.commands ?? []).map((one) => one.name());

/** Of a command that is nothing without the name of one of its own. */
const incomplete = (superos: Command, [group]: readonly string[]): CommandError =>
  new CommandError(`${group}: a command is expected: ${commandsOf(superos, group).join(', ')}`);

function unknown(superos: Command, [group, wanted = '']: readonly string[]): CommandError {
  const names = commandsOf(superos, group);
  const meant = nearest(wanted, names);
  return new CommandError(
    `there is no command ${group} ${wanted}; ${meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${group} ${meant}?`}`,
  );
}

function version(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined) throw new Error('the package.json of superos is missing');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
