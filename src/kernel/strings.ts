// Arguments and environment in the form in which a guest gets them.
import { encodeUtf8, utf8Length } from '../hal/utf8.ts';

/** Encoded when the guest asks for them, which most that live shortly never do. */
export class Strings {
  readonly #texts: readonly string[];
  #encoded: readonly Uint8Array[] | undefined;
  /** With the NUL of each. */
  readonly bytes: number;

  constructor(texts: readonly string[]) {
    this.#texts = texts;
    let bytes = 0;
    for (const text of texts) bytes += utf8Length(text) + 1;
    this.bytes = bytes;
  }

  /** Each with its NUL. */
  get strings(): readonly Uint8Array[] {
    this.#encoded ??= this.#texts.map((text) => encodeUtf8(`${text}\0`));
    return this.#encoded;
  }
}

export const NO_STRINGS = new Strings([]);
