// From what came out of a guest's stack to why the process ended. Traps are the guest's; anything else is ours.
import { printable } from './printable.ts';
import { type Cause, crashed, trapped } from './status.ts';

export function causeOf(error: unknown): Cause {
  if (error instanceof WebAssembly.RuntimeError) return trapped(describe(error.message, error));
  if (error instanceof RangeError && error.message.includes('call stack'))
    return trapped(describe('call stack exhausted', error));
  if (error instanceof WebAssembly.Exception) return trapped('uncaught exception');
  if (error instanceof RangeError) return trapped(printable(error.message));
  return crashed(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

/** In V8's own words, whatever was added to them. */
export const isOutOfBounds = ({ reason, message }: Cause): boolean =>
  reason === 'trap' && /^memory access out of bounds/.test(message ?? '');

/** The cause with more in the first line of its message. */
export const detailed = (cause: Cause, more: string): Cause => ({
  ...cause,
  message: cause.message!.replace(/\n|$/, (end) => `${more}${end}`),
});

/** A message about what a guest does now, with its frames. */
export const traced = (message: string): string => describe(message, new Error());

/** The message and the guest's frames, innermost first, one a line. Names are the guest's choice. */
function describe(message: string, error: Error): string {
  const lines = [message];
  for (const line of (error.stack ?? '').split('\n')) {
    const frame = /^\s*at (?:(.*) \()?wasm:\/\/[^ ]*(wasm-function\[\d+\]:0x[0-9a-f]+)\)?$/s.exec(line);
    if (frame === null) continue;
    const name = frame[1] === undefined ? '' : `${printable(frame[1])} `;
    if (!name.startsWith('superos:')) lines.push(`    at ${name}(${frame[2]})`);
  }
  return lines.join('\n');
}
