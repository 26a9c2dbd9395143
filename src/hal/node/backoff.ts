// Waiting for something that nothing announces, such as room in a terminal that its user has stopped: soon at first, then
// ever less often. Keeps the host's event loop alive only while somebody waits.

const IMMEDIATE_TRIES = 64;
const DELAY_MS_MAX = 16;

export class Backoff {
  #tries = 0;
  #delayMs = 1;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  wait(wake: () => void): void {
    if (this.#tries < IMMEDIATE_TRIES) {
      this.#tries++;
      this.#immediate = setImmediate(wake);
      return;
    }
    this.#timer = setTimeout(wake, this.#delayMs);
    this.#delayMs = Math.min(DELAY_MS_MAX, this.#delayMs * 2);
  }

  /** It moved: the next wait is a short one again. */
  reset(): void {
    this.#tries = 0;
    this.#delayMs = 1;
  }

  cancel(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }
}
