// The code cache keeps rewritten modules between runs. It holds nothing that is trusted for its own sake: a wrong or missing entry
// costs time, never correctness, and what comes out of it is validated by V8 like any other module.

/** Where a program's bytes come from. */
export interface ProgramSource {
  readonly name: string;
  /**
   * A text that differs whenever the content may differ; undefined where that cannot be promised (no file, or changed too recently to
   * tell one change from the next).
   */
  identity(): string | undefined;
  read(): Uint8Array;
}

export interface CachedCode {
  /** SHA-256 of the original bytes, in hexadecimal. */
  readonly hash: string;
  /** JSON. */
  readonly layout: string;
  readonly bytes: Uint8Array;
}

export interface CacheStatus {
  readonly directory: string | undefined;
  readonly usable: boolean;
  /** Why it is not usable, or why the last write failed. */
  readonly reason?: string;
}

/** `variant` names the loader's version and options; entries of different variants never meet. No method throws. */
export interface CodeCache {
  /** Guests must never be able to write here. */
  readonly directory: string | undefined;
  status(): CacheStatus;
  /** SHA-256 in hexadecimal. */
  digest(bytes: Uint8Array): string;
  findByIdentity(identity: string, variant: string): CachedCode | undefined;
  findByHash(hash: string, variant: string): CachedCode | undefined;
  store(code: CachedCode, variant: string): void;
  /** Lets a later `findByIdentity` find the entry without reading the source. */
  remember(identity: string, variant: string, hash: string): void;
}
