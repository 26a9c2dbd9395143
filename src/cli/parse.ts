// Reads the command line of `superos run`: options up to PROGRAM; everything after it belongs to the guest. It stands for itself,
// because loading a general parser takes longer than a small program runs.
import { nearest } from '../caps/nearest.ts';
import { CommandError } from './error.ts';
import { OPTIONS, type Option, type RunRequest } from './options.ts';

/** Nothing was said. */
export function newRequest(): RunRequest {
  return {
    program: '',
    args: [],
    standard: true,
    grants: [],
    options: new Map(),
    environment: [],
    policies: [],
    policyAudit: false,
    raw: false,
    unprotected: [],
    dedicated: false,
    json: false,
    cache: true,
    help: false,
  };
}

/** `more` are options besides its own. Throws CommandError, whose message names the option, what was expected and what was found. */
export function parseRun(args: readonly string[], more: readonly Option[] = []): RunRequest {
  const request = newRequest();
  let at = 0;
  while (at < args.length) {
    const word = args[at++]!;
    if (word === '--') break;
    if (word === '-' || !word.startsWith('-')) {
      at--;
      break;
    }
    const [option, attached] = find(word, [...more, ...OPTIONS]);
    if (option.value === undefined) {
      if (attached !== undefined) throw new CommandError(`--${option.name} takes no value, but has '${attached}'`);
      option.set(request, '');
      if (request.help) return request;
      continue;
    }
    const value = attached ?? args[at++];
    if (value === undefined) throw new CommandError(`--${option.name} needs a value: ${option.value}`);
    apply(option, request, value);
  }
  const program = args[at];
  if (program === undefined || program === '') throw new CommandError('a PROGRAM is expected; see superos help run');
  if (request.policyAudit && request.policies.length === 0)
    throw new CommandError('--policy-mode audit says what becomes of a policy, and there is none: name it with --policy');
  request.program = program;
  request.args = args.slice(at + 1);
  return request;
}

/** The option that a word names, and the value attached to it. */
function find(word: string, options: readonly Option[]): [Option, string | undefined] {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const option = options.find((one) => one.name === name);
    if (option !== undefined) return [option, equals < 0 ? undefined : word.slice(equals + 1)];
  } else {
    const option = options.find(({ short }) => short !== undefined && short === word[1]);
    if (option !== undefined) return [option, word.length === 2 ? undefined : word.slice(2)];
  }
  const meant = nearest(
    word.replace(/^-+/, '').replace(/=.*$/s, ''),
    options.map(({ name }) => name),
  );
  const advice = meant === undefined ? 'see superos help run' : `did you mean --${meant}?`;
  throw new CommandError(`unknown option ${word.replace(/=.*$/s, '')}; ${advice}`);
}

function apply(option: Option, request: RunRequest, value: string): void {
  try {
    option.set(request, value);
  } catch (error) {
    throw new CommandError(`--${option.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
