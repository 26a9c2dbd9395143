// Calls of a program's exports, with arguments as people and programs write them.
import type { Invocation } from '../kernel/execution.ts';
import type { Program } from '../runtime/program.ts';
import { SuperosError } from './error.ts';

/** A value for a parameter; text is read as the parameter's type asks. */
export type Argument = string | number | bigint;

export interface Call {
  readonly name: string;
  readonly args: readonly Argument[];
}

/** Throws SuperosError where an argument is no number of its parameter's type. How many there are is the kernel's to check. */
export function invocation(program: Program, { name, args }: Call): Invocation {
  const params = program.layout.exports.find((one) => one.kind === 'function' && one.name === name)?.params ?? [];
  return { name, args: args.map((arg, i) => number(arg, params[i])) };
}

function number(arg: Argument, type: unknown): number | bigint {
  try {
    const text = String(arg).trim();
    if (type === 'i64' && text !== '') {
      const value = BigInt(arg);
      if (value >= -(2n ** 63n) && value < 2n ** 64n) return value;
    } else if (type === 'i32') {
      const value = Number(arg);
      if (text !== '' && Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32) return value;
    } else {
      const value = Number(arg);
      if (text !== '' && (!Number.isNaN(value) || text.toLowerCase() === 'nan')) return value;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
  }
  throw new SuperosError('invalid-argument', `'${arg}' is not a number of type ${String(type ?? 'f64')}`);
}
