// Reads the text of a grant part by part, and knows where each began. Parts are divided by `:`; `\` before a character takes
// away what it means.
import { nearest } from '../caps/nearest.ts';
import { PatternError } from '../caps/pattern.ts';

export class Reader {
  readonly #text: string;
  /** Where the next part begins; beyond the end where there is none. */
  #next = 0;
  /** Where the last part that was read begins. */
  #at = 0;
  #escaped = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** There is another part, which may be empty. */
  get more(): boolean {
    return this.#next <= this.#text.length;
  }

  /** The last part was written without `\`, so that it can be a word of the grammar. */
  get isKeyword(): boolean {
    return !this.#escaped;
  }

  /** The next part. `expected`: what to say where there is none, or an empty one; without it, it may be empty. */
  word(expected?: string): string {
    this.#at = Math.min(this.#next, this.#text.length);
    this.#escaped = false;
    let word = '';
    let at = this.#next;
    for (; at < this.#text.length && this.#text[at] !== ':'; at++) {
      if (this.#text[at] === '\\') {
        this.#escaped = true;
        if (++at === this.#text.length) throw new PatternError(at, 'a character is expected after \\');
      }
      word += this.#text[at]!;
    }
    this.#next = at + 1;
    if (word === '' && expected !== undefined) throw this.wrong(expected);
    if (word.includes('\0')) throw new PatternError(this.#at + word.indexOf('\0'), 'there can be no NUL');
    return word;
  }

  /** The next part, in which an address may be in brackets. */
  host(expected: string): string {
    if (this.#text[this.#next] !== '[') return this.word(expected);
    this.#at = this.#next;
    const bracket = this.#text.indexOf(']', this.#at);
    if (bracket < 0) throw new PatternError(this.#text.length, '] is expected');
    const colon = this.#text.indexOf(':', bracket);
    const end = colon < 0 ? this.#text.length : colon;
    this.#next = end + 1;
    return this.#text.slice(this.#at, end);
  }

  /** The next part, which is one of these words. */
  oneOf<T extends string>(words: readonly T[], expected: string): T {
    const word = this.word(expected);
    const found = words.find((one) => one === word);
    if (found !== undefined && !this.#escaped) return found;
    const meant = nearest(word, words);
    throw this.wrong(`${expected}, not '${word}'${meant === undefined ? '' : `; did you mean ${meant}?`}`);
  }

  /** Nothing more is to come. */
  end(): void {
    if (this.more) throw new PatternError(this.#next - 1, 'nothing more is expected');
  }

  /** What an action finds wrong with the last part is counted from the beginning of the text. */
  within<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (error instanceof PatternError) throw new PatternError(this.#at + error.offset, error.message);
      throw error;
    }
  }

  /** An error at the last part that was read. */
  wrong(message: string): PatternError {
    return new PatternError(this.#at, message);
  }
}
