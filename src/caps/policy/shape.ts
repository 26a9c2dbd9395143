// Checks a tree against the shape of policies, and tells what does not belong at the place where it is written.
import type * as Zod from 'zod';
import { nearest } from '../nearest.ts';
import { shown } from './schema.ts';
import type { Source } from './source.ts';
import { type Node, nodeAt, offsetOf, plainOf } from './tree.ts';

type Issue = Zod.core.$ZodIssue;

/** Names that are listed where none is near. */
const NAMES_MAX = 8;

export function checkShape(schema: Zod.ZodType, root: Node, source: Source): void {
  // What the schema does not word itself is worded below: zod would spell out hundreds of names.
  const { error } = schema.safeParse(plainOf(root), { error: () => '' });
  for (const issue of inOrder(error?.issues ?? [])) tell(issue, [], root, source);
}

/** A key that is misspelt is told of before what is missing for want of it, which may be at the same place. */
const inOrder = (issues: readonly Issue[]): readonly Issue[] => [
  ...issues.filter(({ code }) => code === 'unrecognized_keys'),
  ...issues.filter(({ code }) => code !== 'unrecognized_keys'),
];

function tell(issue: Issue, above: readonly PropertyKey[], root: Node, source: Source): void {
  const path = [...above, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const names = issue.message.split(', ');
      for (const key of issue.keys)
        source.problem(
          offsetOf(root, [...path, key], true),
          () => `${shown(key)} is no key here; ${guess(key, names) ?? `there are ${names.join(', ')}`}`,
        );
      return;
    }
    case 'invalid_value': {
      const node = nodeAt(root, path);
      const written = node?.kind === 'scalar' ? node.value : undefined;
      source.problem(offsetOf(root, path), () => `${issue.message}${advice(written, issue.values.map(String))}`);
      return;
    }
    case 'invalid_union': {
      // Of several shapes the one that was meant is the one whose kind it has.
      const meant = issue.errors.find((branch) => !branch.some(isOtherKind));
      if (meant === undefined || meant.length === 0) break;
      for (const inner of inOrder(meant)) tell(inner, path, root, source);
      return;
    }
    case 'invalid_key': {
      source.problem(offsetOf(root, path, true), issue.issues[0]?.message ?? '');
      return;
    }
  }
  source.problem(offsetOf(root, path), issue.message || otherwise(issue, path));
}

/** The name that may have been meant, or all if they are few. */
function advice(written: unknown, names: readonly string[]): string {
  const meant = typeof written === 'string' ? guess(written, names) : undefined;
  if (meant !== undefined) return `; ${meant}`;
  const whole = names.filter((name) => !name.startsWith('!'));
  return whole.length > 1 && whole.length <= NAMES_MAX ? `; there are ${whole.join(', ')}` : '';
}

/** What is long is no slip of the pen. */
function guess(written: string, names: readonly string[]): string | undefined {
  const meant = written.length > 40 ? undefined : nearest(written, names);
  return meant === undefined ? undefined : `did you mean '${meant}'?`;
}

/** The value is of another kind than the shape wants: a name where a mapping should be, or the other way round. */
function isOtherKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((branch) => branch.some(isOtherKind));
  return issue.code === 'invalid_type' || (issue.code === 'invalid_value' && !issue.message.includes("not '"));
}

function otherwise(issue: Issue, path: readonly PropertyKey[]): string {
  const what = path.findLast((step) => typeof step === 'string') ?? 'the policy';
  if (issue.code === 'too_small') return `'${what}' is ${issue.origin === 'number' ? 'too small' : 'empty'}`;
  if (issue.code === 'too_big') return `'${what}' is too ${issue.origin === 'number' ? 'large' : 'long'}`;
  return `'${what}' is not as it should be`;
}
