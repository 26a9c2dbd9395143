// The commands of `superos policy` and `superos audit`, as help shows them. What each needs is loaded when it is asked for.
import type { Command } from 'commander';
import { flagsOf } from '../options.ts';
import { learnOptions } from './files.ts';

/** `done` gets the exit status. */
export function auditCommands(superos: Command, done: (status: number) => void): void {
  const audit = superos.command('audit').description('work with audit logs').usage('COMMAND [options]');
  audit
    .command('verify')
    .description('tell whether an audit log is as it was written')
    .argument('<file>', 'what --audit wrote')
    .option('--head <hash>', 'the hash of a record that must be there: shows whether the end was cut off')
    .option('--json', 'as JSON')
    .action(async (file: string, options: { head?: string; json?: boolean }) => {
      const { verifyAudit } = await import('../audit.ts');
      done(verifyAudit(file, options));
    });
}

export function policyCommands(superos: Command, done: (status: number) => void): void {
  const policy = superos.command('policy').description('write, test and understand policies').usage('COMMAND [options]');
  policy
    .command('check')
    .description('tell whether policies are valid: all errors, and what is hardly meant')
    .argument('<file...>', 'policies: files, names of those that SuperOS brings, or - for standard input')
    .option('--json', 'as JSON')
    .action(async (files: string[], options: { json?: boolean }) => {
      const { check } = await import('./check.ts');
      done(await check(files, options));
    });
  policy
    .command('explain')
    .description('show what becomes of each call; or of one, which rule decides, and why')
    .argument('<file>', 'a policy')
    .argument('[call]', 'a call, a @group, or a name of POSIX')
    .argument('[args...]', 'what the call is about: path=/data/x, host=example.org, port=443, or the values in order')
    .option('--json', 'as JSON')
    .action(async (file: string, call: string | undefined, args: string[], options: { json?: boolean }) => {
      const { explain } = await import('./explain.ts');
      done(await explain(file, call === undefined ? [] : [call, ...args], options));
    });
  policy
    .command('diff')
    .description('show what B allows that A does not, and the other way round; the exit status is 0 where they are alike')
    .argument('<A>', 'a policy')
    .argument('<B>', 'a policy')
    .option('--json', 'as JSON')
    .action(async (a: string, b: string, options: { json?: boolean }) => {
      const { diff } = await import('./diff.ts');
      done(await diff(a, b, options));
    });
  policy
    .command('import')
    .description('make a policy from a seccomp profile of a container engine')
    .argument('<file>', 'the profile, in JSON; - for standard input')
    .option('-o, --output <file>', 'write the policy to this new file (default: standard output)')
    .action(async (file: string, options: { output?: string }) => {
      const { importProfile } = await import('./import.ts');
      done(importProfile(file, options));
    });
  const learn = policy
    .command('learn')
    .description('run a program, and write the least policy that lets it do the same again')
    .usage('[-o FILE] [--merge FILE] [options of run] [--] PROGRAM [ARGS...]')
    .addHelpText('after', '\nThe options of run are in superos help run. The exit status is that of the program.');
  // They are read with the options of run.
  for (const one of learnOptions({})) learn.option(flagsOf(one), one.help);
}
