// The text of a policy and what is found wrong in it: where things are written, and how that is shown to people.
import type { Place } from './policy.ts';

/** Problems that are told; whoever makes more has other worries. */
const PROBLEMS_MAX = 50;
/** Characters of a line that are kept with each place, and that are shown around one. */
const LINE_MAX = 160;

/** What is wrong, what would be right, and where. */
export interface Problem {
  readonly place: Place;
  readonly message: string;
}

export interface Text {
  /** As messages name it, and as what the text extends is found from; the same for the same file. */
  readonly file: string;
  readonly text: string;
  /** Where SuperOS has it, if it is one of its own. */
  readonly shipped?: string | undefined;
}

export class Source {
  readonly file: string;
  readonly text: string;
  readonly shipped: string | undefined;
  /** Where lines begin. */
  readonly #starts: number[] = [0];
  readonly #problems: Problems;

  constructor({ file, text, shipped }: Text, problems: Problems) {
    this.file = file;
    this.text = text;
    this.shipped = shipped;
    this.#problems = problems;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  place(offset: number): Place {
    const line = this.#lineOf(offset);
    return { file: this.file, line, column: offset - this.#starts[line - 1]! + 1, text: shortened(this.#textOf(line)) };
  }

  /** The message is asked for if it is told. */
  problem(offset: number, message: string | (() => string)): void {
    const told = typeof message === 'string' ? () => message : message;
    this.#problems.add(this.place(offset), () => ({ message: told(), shown: this.#show(offset) }));
  }

  #lineOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  #textOf(line: number): string {
    const end = this.#starts[line] ?? this.text.length + 1;
    return this.text.slice(this.#starts[line - 1]!, end - 1).replace(/\r$/, '');
  }

  /** The line, or of a long one what is around the place, and a caret below it. */
  #show(offset: number): string {
    const line = this.#lineOf(offset);
    const text = this.#textOf(line);
    const column = Math.min(offset - this.#starts[line - 1]!, text.length);
    const from = text.length <= LINE_MAX ? 0 : Math.max(0, column - LINE_MAX / 2);
    const shown = plain(text.slice(from, from + LINE_MAX));
    return `  ${shown}\n  ${' '.repeat(column - from)}^`;
  }
}

const shortened = (text: string) => (text.length <= LINE_MAX ? text : `${text.slice(0, LINE_MAX)}...`);

/** Characters that a terminal would obey or not show become `?`, so that what stands below a character stays there. */
const plain = (text: string) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?');

/** All that is wrong in a policy and in those that it extends. */
export class Problems {
  readonly #found: { problem: Problem; shown: string }[] = [];
  readonly #places = new Set<string>();
  /** In the order in which they were read. */
  readonly #files: string[] = [];
  #left = 0;

  /** There are so many that looking for more is of no use. */
  get full(): boolean {
    return this.#left > 0;
  }

  /** One problem is told of each place: the first. */
  add(place: Place, tell: () => { message: string; shown: string }): void {
    const { file, line, column } = place;
    const at = `${file}:${line}:${column}`;
    if (this.#places.has(at)) return;
    if (this.#found.length >= PROBLEMS_MAX) {
      this.#left++;
      return;
    }
    this.#places.add(at);
    if (!this.#files.includes(file)) this.#files.push(file);
    const { message, shown } = tell();
    this.#found.push({ problem: { place, message }, shown });
  }

  /** Throws PolicyError if there are any. */
  check(): void {
    if (this.#found.length === 0) return;
    const rank = ({ file }: Place) => this.#files.indexOf(file);
    const inOrder = this.#found.sort(
      ({ problem: { place: a } }, { problem: { place: b } }) => rank(a) - rank(b) || a.line - b.line || a.column - b.column,
    );
    const lines = inOrder.map(({ problem: { place, message }, shown }) => {
      return `${place.file}:${place.line}:${place.column}: ${plain(message)}\n${shown}`;
    });
    if (this.#left > 0) lines.push(`and ${this.#left} more`);
    throw new PolicyError(
      lines.join('\n'),
      inOrder.map(({ problem }) => problem),
    );
  }
}

/** The message has each problem with its place, the line itself, and a caret. */
export class PolicyError extends Error {
  readonly problems: readonly Problem[];

  constructor(message: string, problems: readonly Problem[]) {
    super(message);
    this.name = 'PolicyError';
    this.problems = problems;
  }
}
