// Policies as an embedder names them: read from where they are, in the language that people write.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearest } from '../caps/nearest.ts';
import type { PolicyLanguage } from '../caps/policy/language.ts';
import { narrow } from '../caps/policy/narrow.ts';
import type { Policy } from '../caps/policy/policy.ts';
import type { PolicyError, Text } from '../caps/policy/source.ts';
import type { Program } from '../runtime/program.ts';
import { VOCABULARY } from '../syscalls/vocabulary.ts';
import type { Question } from './attendant.ts';
import { checkPolicySource } from './checks.ts';
import { SuperosError } from './error.ts';
import { readWhole } from './file.ts';
import { isFor, targetWords } from './governed.ts';
import { checkGrant } from './grammar.ts';
import { parseLimit } from './limits.ts';

/** A path, or the name of a policy that SuperOS brings; a policy's text; or one that was read before. */
export type PolicySource = string | URL | { readonly text: string; readonly file?: string } | Policy;

/** Whether what a policy refuses is refused, or only told. */
export type PolicyMode = 'enforce' | 'audit';

/** Whether a call goes on for which a policy asks. What throws, rejects or is not `true` is a no. */
export type NotifyHandler = (question: Question) => boolean | Promise<boolean>;

export interface PolicyOptions {
  readonly mode?: PolicyMode;
  readonly notify?: NotifyHandler;
}

/** What was read here, with the files of this host that it came from. Nothing else is taken for a policy. */
const made = new WeakMap<Policy, readonly string[]>();

/** One that was read before: nothing is to be waited for. */
export const isRead = (source: PolicySource): source is Policy =>
  typeof source === 'object' && source !== null && 'layers' in source && made.has(source);

/** Rejects with SuperosError: `not-found`, or `invalid-argument` with the first mistake; all are in its cause, a PolicyError. */
export async function readPolicy(source: PolicySource): Promise<Policy> {
  checkPolicySource(source);
  if (isRead(source)) return source;
  if (typeof source === 'object' && 'layers' in source) {
    throw new SuperosError('invalid-argument', 'a policy as an object is one that machine.policy has read, not a copy of it');
  }
  const files: string[] = [];
  const own: Text =
    typeof source === 'object' && 'text' in source ? { file: source.file ?? 'policy', text: source.text } : find(source, files);
  const { file, text, shipped } = own;
  try {
    const options = { file, shipped, load: extended(files), grant: checkGrant, limit: parseLimit, ready: brought() };
    const policy = (await language()).parse(text, options);
    made.set(frozen(policy), files);
    return policy;
  } catch (error) {
    if (!(error instanceof Error && error.name === 'PolicyError')) throw error;
    throw new SuperosError('invalid-argument', problemText((error as PolicyError).problems), { cause: error });
  }
}

/** What processes run under is worked out once: a change would be none. */
function frozen<T extends object>(data: T): T {
  for (const part of Object.values(data)) if (typeof part === 'object' && part !== null) frozen(part);
  return Object.freeze(data);
}

/** Of several policies one: each only takes away from what those before it leave. */
export function layered(policies: readonly Policy[]): Policy {
  const [first, ...more] = policies;
  const policy = more.reduce(narrow, first!);
  made.set(frozen(policy), policies.flatMap(filesOf));
  return policy;
}

/** The files of this host that a policy came from. */
export const filesOf = (policy: Policy): readonly string[] => made.get(policy) ?? [];

/** The first, and how many more there are. */
function problemText([first, ...more]: PolicyError['problems']): string {
  const { place, message } = first!;
  const others = more.length === 0 ? '' : ` (and ${more.length} more: see superos policy check)`;
  return `${place.file}:${place.line}:${place.column}: ${message}${others}`;
}

async function language(): Promise<PolicyLanguage> {
  const { policyLanguage } = await import('../caps/policy/language.ts');
  return policyLanguage(VOCABULARY);
}

/** Throws SuperosError where a policy is for other programs. */
export function checkTarget(policy: Policy, program: Program): void {
  if (isFor(policy, program)) return;
  throw new SuperosError('invalid-argument', `the policy ${policy.name} is for ${targetWords(policy)}, not for ${program.name}`);
}

/** What `extends` names: a policy that SuperOS brings, or a file beside the one that names it. */
const extended =
  (files: string[]) =>
  (name: string, from: string): Text | undefined => {
    if (isName(name)) return ready(name);
    const path = isAbsolute(name) ? name : join(dirname(from), name);
    files.push(resolve(path));
    // One that is named so is none of those that SuperOS brings.
    return read(path, /^\.?\.?\//.test(path) ? path : `./${path}`);
  };

const isName = (text: string): boolean => /^[a-z][a-z0-9-]*$/.test(text);

/** A bare name is never a file: whoever may write the working directory must not choose the policy. */
function find(source: string | URL, files: string[]): Text {
  const path = source instanceof URL ? fileURLToPath(source) : source;
  const isReady = typeof source === 'string' && isName(source);
  if (!isReady) files.push(resolve(path));
  const found = isReady ? ready(path) : read(path, path);
  if (found !== undefined) return found;
  const meant = isReady ? nearest(path, brought()) : undefined;
  const near = meant === undefined ? `; SuperOS brings ${brought().join(', ')}` : `; did you mean ${meant}?`;
  const advice = isReady ? `${near}; a file is named by a path: ./${path}` : '';
  throw new SuperosError('not-found', `there is no policy ${path}${advice}`);
}

/** Undefined where there is none. */
function read(path: string, shown: string): Text | undefined {
  try {
    const bytes = readWhole(path);
    if (bytes !== undefined) return { file: shown, text: bytes.toString('utf8') };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new SuperosError('invalid-argument', `the policy ${shown} cannot be read: ${code}`, { cause: error });
  }
  throw new SuperosError('invalid-argument', `the policy ${shown} cannot be read: it is no file`);
}

/** The directory of policies that SuperOS brings: beside the sources, or beside what they are built to. */
const READY = ['../../policies/', '../policies/'].map((path) => new URL(path, import.meta.url));

const ready = (name: string): Text | undefined => {
  for (const directory of READY) {
    const path = fileURLToPath(new URL(`${name}.yaml`, directory));
    const found = read(path, name);
    if (found !== undefined) return { ...found, file: `${name}.yaml`, shipped: path };
  }
  return undefined;
};

function brought(): string[] {
  const directory = READY.find((one) => existsSync(one));
  const files = directory === undefined ? [] : readdirSync(directory);
  return files.filter((name) => name.endsWith('.yaml')).map((name) => name.slice(0, -'.yaml'.length));
}
