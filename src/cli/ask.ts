// Questions of a policy, put to whoever sits at the terminal. Without a terminal nobody answers, which is a no.
import fs from 'node:fs';
import { createInterface, type Interface } from 'node:readline/promises';
import type { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { plain } from '../kernel/printable.ts';
import type { Question } from '../machine/attendant.ts';

const TERMINAL = '/dev/tty';

/** Answers of one run; `undefined` where there is no terminal. */
export function asker(): ((question: Question) => Promise<boolean>) | undefined {
  let fd: number;
  try {
    fd = fs.openSync(TERMINAL, 'r+');
  } catch {
    return undefined;
  }
  fs.closeSync(fd);
  const known = new Map<string, boolean>();
  // One question at a time.
  let before: Promise<unknown> = Promise.resolve();
  return (question) => {
    const answer = before.then(() => known.get(ruleOf(question)) ?? ask(question, known));
    before = answer.catch(() => undefined);
    return answer;
  };
}

const ruleOf = ({ call, place }: Question): string => `${call} ${place.file}:${place.line}:${place.column}`;

async function ask(question: Question, known: Map<string, boolean>): Promise<boolean> {
  if (question.signal.aborted) return false;
  const fd = fs.openSync(TERMINAL, 'r+');
  const input = new ReadStream(fd);
  const output = fs.createWriteStream(TERMINAL);
  const lines = createInterface({ input, output });
  try {
    const line = lines.question(`${plain(asked(question))}\n[y]es, [n]o, [a]lways, ne[v]er: `);
    const text = (await Promise.race([line, unanswered(lines, input, output, question.signal)])).trim().toLowerCase();
    const allowed = ['y', 'yes', 'a', 'always'].includes(text);
    if (['a', 'always', 'v', 'never'].includes(text)) known.set(ruleOf(question), allowed);
    return allowed;
  } finally {
    lines.close();
    input.destroy();
    output.end();
  }
}

/** Settles where no answer can come any more, or none is wanted: the input has ended, the terminal is gone, the process is over. */
const unanswered = (lines: Interface, input: ReadStream, output: Writable, signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    const no = () => resolve('');
    lines.once('close', no);
    input.on('error', no);
    output.on('error', no);
    signal.addEventListener('abort', no);
  });

const asked = ({ program, call, facts, place }: Question): string =>
  `superos: ${program} asks for ${call}${factsText(facts)} (${place.file}:${place.line})`;

/** What a call is about, for a person. */
export function factsText({ paths, host, port, addresses, size, signal, clock, access }: Question['facts']): string {
  const words = [
    ...(paths ?? []),
    ...(host === undefined ? [] : [port === undefined ? host : `${host}:${port}`]),
    ...(host === undefined && addresses !== undefined ? addresses : []),
    ...[access && `to ${access}`, signal, clock && `the clock ${clock}`].filter((word) => word !== undefined),
    ...(size === undefined ? [] : [`${size} bytes`]),
  ];
  return words.length === 0 ? '' : ` of ${words.join(', ')}`;
}
