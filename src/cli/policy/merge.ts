// Adds entries to the text of a policy that is there, which stays as it is but for them: comments, order and layout.
import type * as Yaml from 'yaml';
import { type Entry, entryLines, flowEntry } from '../../caps/policy/entry.ts';

/** The text with the entries at the end of `process.allowed_syscalls`; undefined where there is no such list. */
export function addEntries(yaml: typeof Yaml, text: string, key: string, entries: readonly Entry[]): string | undefined {
  if (entries.length === 0) return text;
  const list = yaml.parseDocument(text).getIn(['process', key], true);
  if (!yaml.isSeq(list) || list.range == null) return undefined;
  return list.flow === true ? intoFlow(text, list, entries) : intoBlock(yaml, text, list, entries);
}

/** Before the closing bracket. */
function intoFlow(text: string, list: Yaml.YAMLSeq, entries: readonly Entry[]): string {
  const end = list.range![1] - 1;
  const before = text.slice(0, end).trimEnd();
  const comma = before.endsWith('[') || before.endsWith(',') ? '' : ', ';
  const space = before.endsWith(',') ? ' ' : '';
  return `${text.slice(0, end)}${comma}${space}${entries.map(flowEntry).join(', ')}${text.slice(end)}`;
}

/** After the line on which the last entry ends, as deep as the first. */
function intoBlock(yaml: typeof Yaml, text: string, list: Yaml.YAMLSeq, entries: readonly Entry[]): string {
  const first = list.items[0] as Yaml.Node;
  const line = text.lastIndexOf('\n', first.range![0] - 1) + 1;
  const indent = text.slice(line).search(/[^ ]/);
  const last = endOf(yaml, list.items.at(-1) as Yaml.Node);
  const newline = text.indexOf('\n', last);
  const lines = entries.flatMap((entry) => entryLines(entry, indent)).join('\n');
  if (newline < 0) return `${text}\n${lines}\n`;
  return `${text.slice(0, newline + 1)}${lines}\n${text.slice(newline + 1)}`;
}

/** Where the last character of a value is; a collection's own range goes on over what comes after it. */
function endOf(yaml: typeof Yaml, node: Yaml.Node): number {
  if (yaml.isCollection(node) && node.flow !== true) {
    const last = node.items.at(-1) as Yaml.Node | Yaml.Pair<Yaml.Node, Yaml.Node | null>;
    const inner = yaml.isPair(last) ? (last.value ?? last.key) : last;
    return endOf(yaml, inner as Yaml.Node);
  }
  return Math.max(node.range![0], node.range![1] - 1);
}
