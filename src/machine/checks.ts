// What an embedder hands over, checked as it is: types bind only those who use them. What is misspelt is never passed over, since
// with grants and policies what is left out gives more.
import { SuperosError } from './error.ts';
import type { Grant } from './grants.ts';

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, { readonly fits: Check; readonly optional?: true; readonly expected: string }>>;

const string: Check = (value) => typeof value === 'string';
const text = { fits: string, expected: 'text' };
const amount: Check = (value) => typeof value === 'string' || typeof value === 'number';
const isRights: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((one) => one === 'read' || one === 'write');

/** By the key that says what kind of grant it is. */
const GRANTS: Readonly<Record<string, Shape>> = {
  dir: {
    dir: text,
    at: { ...text, optional: true },
    rights: { fits: isRights, optional: true, expected: "a list of 'read', 'write' or both" },
  },
  tmp: { tmp: text, size: { fits: amount, optional: true, expected: 'a size' } },
  net: { net: text, host: text, ports: { fits: amount, optional: true, expected: 'a port, or ports as text' } },
  program: { program: text },
  policy: { policy: text },
  function: { function: text },
  region: { region: text },
};

/** Throws SuperosError unless `grant` is an object that is a grant, with nothing that is none of its kind's. */
export function checkedGrant(grant: unknown): Exclude<Grant, string> {
  if (typeof grant !== 'object' || grant === null)
    throw new SuperosError('invalid-argument', `a capability is text or an object, not ${shown(grant)}`);
  const kind = Object.keys(GRANTS).find((one) => one in grant);
  if (kind === undefined)
    throw new SuperosError(
      'invalid-argument',
      `a capability has one of ${Object.keys(GRANTS).join(', ')}; ${shown(grant)} has none`,
    );
  checkShape(`the capability ${shown(grant)}`, grant, GRANTS[kind]!);
  if (kind === 'net' && 'ports' in grant === ((grant as { net: unknown }).net === 'resolve'))
    throw new SuperosError('invalid-argument', `the capability ${shown(grant)}: ports belong to all of net but resolve`);
  return grant as Exclude<Grant, string>;
}

const MODES: readonly unknown[] = ['enforce', 'audit'];

const POLICY_OPTIONS: Shape = {
  mode: { fits: (mode) => mode === undefined || MODES.includes(mode), optional: true, expected: 'enforce or audit' },
  notify: { fits: (one) => one === undefined || typeof one === 'function', optional: true, expected: 'a function' },
};

/** Throws SuperosError where a policy could be taken for none, or for one that is not enforced. */
export function checkPolicy(source: unknown, options: unknown): void {
  checkPolicySource(source);
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null)
    throw new SuperosError('invalid-argument', `the options of a policy are an object, not ${shown(options)}`);
  checkShape('the options of a policy', options, POLICY_OPTIONS);
}

/** As far as can be told by its shape. Throws SuperosError. */
export function checkPolicySource(source: unknown): void {
  if ((typeof source === 'string' && source !== '') || source instanceof URL) return;
  if (typeof source !== 'object' || source === null)
    throw new SuperosError('invalid-argument', `a policy is a path, a name, a URL or an object, not ${shown(source)}`);
  if ('layers' in source) return;
  checkShape('a policy as text', source, { text, file: { ...text, optional: true } });
}

/** Throws SuperosError for keys that there are not, and values that do not fit. */
export function checkShape(what: string, value: object, shape: Shape): void {
  for (const key of Object.keys(value))
    if (!Object.hasOwn(shape, key))
      throw new SuperosError('invalid-argument', `${what} has no ${key}; there are ${Object.keys(shape).join(', ')}`);
  for (const key of Object.keys(shape)) {
    const { fits, optional = false, expected } = shape[key]!;
    if (optional && !(key in value)) continue;
    const found = (value as Record<string, unknown>)[key];
    if (!fits(found)) throw new SuperosError('invalid-argument', `${what}: ${key} is ${expected}, not ${shown(found)}`);
  }
}

/** Any value, for a message: never throws, and is never long. */
export function shown(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // What cannot be written so is told by its type.
  }
  text ??= value === undefined ? 'undefined' : `a ${typeof value}`;
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
}

const SHOWN_MAX = 100;
