// Why something of the embedder's failed, as text. What is thrown may be anything: this gives a string, and never throws.

const UNKNOWN = 'it failed with something that has no text';

export function reasonText(error: unknown): string {
  try {
    const { message } = error instanceof Error ? error : { message: error };
    const text: unknown = typeof message === 'string' ? message : error instanceof Error ? UNKNOWN : String(message);
    return typeof text === 'string' ? text : UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}
