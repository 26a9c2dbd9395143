// The shape of a policy, as zod checks it and as the JSON schema for editors has it. It says what may stand where, and what is
// expected in place of what does not belong there; what names and patterns mean is looked at elsewhere.
import type * as Zod from 'zod';
import { ERRNO_NAMES } from '../../hal/errno.ts';
import type { Vocabulary } from './policy.ts';

type Z = typeof Zod.z;
type Issue = Zod.core.$ZodRawIssue;

const ERRNOS = ERRNO_NAMES.filter((name) => name !== 'SUCCESS');
const ACTION = 'an action: errno, errno: NAME, trap or kill';

interface LimitShape {
  readonly kind: keyof typeof AMOUNTS;
  readonly of?: string;
  /** It can be soft and hard. */
  readonly soft?: false;
}
const AMOUNTS = { size: 'a size such as 64m', time: 'a time such as 500ms or 2s', count: 'a number' } as const;

/** What can be limited. */
export const LIMITS: Readonly<Record<string, LimitShape>> = {
  memory: { kind: 'size', of: 'Linear memory.' },
  timeout: { kind: 'time', of: 'Time by the clock on the wall.', soft: false },
  cpuTime: { kind: 'time', of: 'CPU time.' },
  processes: { kind: 'count', of: 'Processes, with all that descend from it.' },
  threads: { kind: 'count' },
  fds: { kind: 'count', of: 'Open descriptors.' },
  pipes: { kind: 'size', of: 'The buffers of pipes.' },
  output: { kind: 'size', of: 'Bytes written to standard output and error.' },
  written: { kind: 'size', of: 'Bytes written to files.' },
};

/** The message about a key that does not belong somewhere is the list of those that do. */
export function schemaOf(z: Z, vocabulary: Vocabulary): Zod.ZodType {
  const { calls, groups, posix, wordsOf } = vocabulary;
  const record = <T extends Zod.core.$ZodLooseShape>(what: string, shape: T) =>
    z.strictObject(shape, {
      error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(', ') : expected(what)(issue)),
    });
  const words = <const T extends readonly string[]>(what: string, names: T) => z.enum(names, { error: expected(what) });
  const text = (what: string) =>
    z
      .string({ error: expected(what) })
      .min(1)
      .max(4096);
  const number = (what: string) => z.number({ error: expected(what) }).nonnegative();
  const oneOrMore = <T extends Zod.ZodType>(what: string, one: T) =>
    z.union([one, z.array(one, { error: expected(`${what}, or a list of such`) }).min(1)], {
      error: expected(`${what}, or a list of such`),
    });

  const errno = words('the name of an error such as PERM', ERRNOS);
  const refusals = ['errno', 'trap', 'kill', ...ERRNOS.map((name) => `errno: ${name}`)];
  const errnoOf = record('errno: NAME', { errno });
  const refusal = z.union([words(ACTION, refusals), errnoOf], { error: expected(ACTION) }).meta({
    id: 'Refusal',
    description: 'What becomes of a call: `errno` (PERM), `errno: NAME`; `trap` ends it as a crash does, `kill` at once.',
  });
  const permission = words('an action: allow, log or notify', ['allow', 'log', 'notify']).meta({
    id: 'Permission',
    description: 'What becomes of a call: `allow`, `log` (and allow), `notify` (ask, and wait for the answer).',
  });
  const otherwise = words('an action: errno, errno: NAME, trap, kill, log, notify or allow', [
    ...refusals,
    'log',
    'notify',
    'allow',
  ]);

  const names = [...calls, ...[...groups.keys()].map((name) => `@${name}`), ...posix.keys()];
  const call = words('a system call, @group or name of POSIX', names).meta({
    id: 'Call',
    description: 'A system call, a group of them, or the name that POSIX or Linux has for what they do.',
  });

  const of = (key: 'signal' | 'clock' | 'kind' | 'access', what: string) => {
    const known = wordsOf(key);
    return oneOrMore(what, words(what, [...known, ...known.map((word) => `!${word}`)])).optional();
  };
  const when = record('a mapping of conditions', {
    path: oneOrMore('a path', text('a path'))
      .optional()
      .describe('Paths as the process names them: `*`, `**`, `?`, `[a-z]`, `{a,b}`; `!` before one leaves it out.'),
    host: oneOrMore('a host', text('a host'))
      .optional()
      .describe('Names, `*.example.org`, addresses, `10.0.0.0/8`, `*`; `!` before one leaves it out.'),
    port: oneOrMore(
      'a port',
      z.union(
        [
          z
            .int({ error: expected('a port') })
            .min(0)
            .max(65_535),
          text('a port'),
        ],
        { error: expected('a port') },
      ),
    )
      .optional()
      .describe('Numbers, and ranges such as "8000-8100".'),
    size: oneOrMore('a comparison', text('a comparison such as "> 64k"'))
      .optional()
      .describe('Bytes: `> 64k`, `<= 1m`, `>= 1, < 4k`.'),
    signal: of('signal', 'the name of a signal'),
    clock: of('clock', 'a clock'),
    kind: of('kind', 'a kind'),
    access: of('access', 'read or write'),
  }).meta({ id: 'Conditions', description: 'All must hold for the entry to be about a call.', minProperties: 1 });

  const entry = <T extends Zod.ZodType>(action: T) =>
    z.union(
      [
        call,
        record('a name, or a mapping with call', {
          call: call.optional(),
          calls: z
            .array(call, { error: expected('a list of names') })
            .min(1)
            .optional(),
          when: when.optional(),
          action: action.optional(),
        }),
      ],
      {
        error: expected('a name, or a mapping with call'),
      },
    );
  const list = <T extends Zod.ZodType>(what: string, one: T) => z.array(one, { error: expected(what) });

  const amount = (what: string) => z.union([text(what), number(what)], { error: expected(what) });
  const bound = (what: string) =>
    z
      .union([amount(what), record('soft and hard', { soft: amount(what), hard: amount(what) })], {
        error: expected(`${what}, or soft and hard`),
      })
      .optional();
  const limit = ({ kind, of, soft }: LimitShape) => {
    const one = soft === false ? amount(AMOUNTS[kind]).optional() : bound(AMOUNTS[kind]);
    return of === undefined ? one : one.describe(of);
  };
  const limits = record(
    'a mapping of limits',
    Object.fromEntries(Object.entries(LIMITS).map(([name, shape]) => [name, limit(shape)])),
  ).describe('Bounds of a process together with all that descend from it.');

  const variable = z
    .string({ error: expected('the name of a variable') })
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: expected('the name of a variable') });
  const namespaces = record('a mapping of namespaces', {
    pid: z
      .boolean({ error: expected('true or false') })
      .optional()
      .describe('Pids of its own, counted from 1.'),
    hostname: z
      .string({ error: expected('a name') })
      .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/, {
        error: expected('a name of at most 63 letters, digits, dots and dashes'),
      })
      .optional(),
    environment: record('pass and set', {
      pass: oneOrMore('the name of a variable, or a pattern', text('the name of a variable, or a pattern'))
        .optional()
        .describe("Variables of the host's that are passed on; patterns such as LC_*."),
      set: z
        .record(variable, z.union([z.string(), z.number(), z.boolean()], { error: expected('a value') }), {
          error: expected('names and values'),
        })
        .optional(),
    }).optional(),
    mounts: list('a list of paths', text('a path'))
      .optional()
      .describe('Of the directories that a process is given, those that it sees: patterns of paths.'),
  }).describe('What the process sees of the machine.');

  const target = record('program or sha256', {
    program: text('a pattern of program names').optional().describe('Of the name of its file.'),
    sha256: z
      .string({ error: expected('a hash of 64 hexadecimal digits, in quotes') })
      .regex(/^[0-9a-fA-F]{64}$/, { error: expected('a hash of 64 hexadecimal digits') })
      .optional(),
  }).meta({ id: 'Target', minProperties: 1 });

  const process = record('a mapping', {
    name: z
      .string({ error: expected('a name') })
      .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,128}$/u, { error: expected('a name of at most 128 characters') })
      .optional(),
    extends: oneOrMore('a policy', text('a policy'))
      .optional()
      .describe('Ready policies by name, or files. What they refuse stays refused.'),
    for: oneOrMore('program or sha256', target).optional().describe('The programs that the policy is for.'),
    default: z
      .union([otherwise, errnoOf], { error: expected(`${ACTION}, log, notify or allow`) })
      .optional()
      .describe('What becomes of the calls that allowed_syscalls leaves out; PERM unless said.'),
    allowed_syscalls: list('a list of names', entry(permission))
      .optional()
      .describe('With it only these calls are allowed; without it all that are not denied.'),
    denied_syscalls: list('a list of names', entry(refusal)).optional().describe('Wins over allowed_syscalls.'),
    capabilities: list('a list of grants', text('a grant such as clock, or "dir:./data:/data:ro"'))
      .optional()
      .describe('What the process is given, as for --cap.'),
    limits: limits.optional(),
    namespaces: namespaces.optional(),
  });

  return record('a policy: a mapping with process', {
    version: z.literal(1, { error: expected('version 1') }).optional(),
    process,
  }).meta({ title: 'A policy of SuperOS', description: 'What a process may do. See docs/POLICIES.md.' });
}

/** What was found, in a few words. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = String(value);
  return `'${text.length > 60 ? `${text.slice(0, 60)}...` : text}'`;
}

const expected = (what: string) => (issue: Issue) => `${what} is expected, not ${shown(issue.input)}`;
