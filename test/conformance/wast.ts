// Reads .wast scripts: a splitter of s-expressions, and the constants of assertions as exact bits. Module text is left to a real
// text parser; this file never interprets it.

export type Node = List | Atom | Text;

export interface List {
  readonly kind: 'list';
  readonly items: readonly Node[];
  readonly start: number;
  readonly end: number;
}

export interface Atom {
  readonly kind: 'atom';
  readonly text: string;
}

export interface Text {
  readonly kind: 'string';
  readonly bytes: Uint8Array;
}

const DELIMITERS = ' \t\r\n()";';
const ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, '"': 34, "'": 39, '\\': 92 };

export class Splitter {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #skipBlockComment(): void {
    let depth = 0;
    do {
      if (this.#text.startsWith('(;', this.#position)) depth++;
      else if (this.#text.startsWith(';)', this.#position)) depth--;
      else {
        this.#position++;
        continue;
      }
      this.#position += 2;
    } while (depth > 0 && this.#position < this.#text.length);
  }

  #skipSpace(): void {
    const text = this.#text;
    for (;;) {
      const c = text[this.#position];
      if (c === ' ' || c === '\n' || c === '\t' || c === '\r') this.#position++;
      else if (c === ';' && text[this.#position + 1] === ';') {
        while (this.#position < text.length && text[this.#position] !== '\n' && text[this.#position] !== '\r') this.#position++;
      } else if (c === '(' && text[this.#position + 1] === ';') this.#skipBlockComment();
      else return;
    }
  }

  #string(): Text {
    const text = this.#text;
    const bytes: number[] = [];
    const push = (characters: string) => bytes.push(...Buffer.from(characters));
    this.#position++;
    while (this.#position < text.length && text[this.#position] !== '"') {
      const c = String.fromCodePoint(text.codePointAt(this.#position)!);
      if (c !== '\\') {
        push(c);
        this.#position += c.length;
        continue;
      }
      const selector = text[this.#position + 1]!;
      const known = ESCAPES[selector];
      if (known !== undefined) {
        bytes.push(known);
        this.#position += 2;
      } else if (selector === 'u') {
        const close = text.indexOf('}', this.#position);
        push(String.fromCodePoint(Number.parseInt(text.slice(this.#position + 3, close), 16)));
        this.#position = close + 1;
      } else {
        bytes.push(Number.parseInt(text.slice(this.#position + 1, this.#position + 3), 16));
        this.#position += 3;
      }
    }
    this.#position++;
    return { kind: 'string', bytes: Uint8Array.from(bytes) };
  }

  /** The next expression, annotations left out; undefined at the end of the text or of the enclosing list. */
  next(): Node | undefined {
    let node = this.#next();
    while (head(node).startsWith('@')) node = this.#next();
    return node;
  }

  #next(): Node | undefined {
    this.#skipSpace();
    const text = this.#text;
    const start = this.#position;
    const c = text[start];
    if (c === undefined || c === ')') return undefined;
    if (c === '"') return this.#string();
    if (c === '(') {
      this.#position++;
      const items: Node[] = [];
      for (let item = this.next(); item !== undefined; item = this.next()) items.push(item);
      if (text[this.#position] !== ')') throw new Error(`unbalanced parenthesis at offset ${start}`);
      this.#position++;
      return { kind: 'list', items, start, end: this.#position };
    }
    do this.#position++;
    while (this.#position < text.length && !DELIMITERS.includes(text[this.#position]!));
    return { kind: 'atom', text: text.slice(start, this.#position) };
  }
}

export function split(text: string): Node[] {
  const splitter = new Splitter(text);
  const nodes: Node[] = [];
  for (let node = splitter.next(); node !== undefined; node = splitter.next()) nodes.push(node);
  return nodes;
}

/** The first atom of a list: its keyword. */
export function head(node: Node | undefined): string {
  const first = node?.kind === 'list' ? node.items[0] : undefined;
  return first?.kind === 'atom' ? first.text : '';
}

export function atom(node: Node | undefined): string | undefined {
  return node?.kind === 'atom' ? node.text : undefined;
}

export function isIdentifier(node: Node | undefined): boolean {
  return atom(node)?.startsWith('$') ?? false;
}

// Constants

/** The bits of a number, or the set of NaNs that a result may be. */
export type Bits = bigint | 'nan:canonical' | 'nan:arithmetic';
export type NumberType = 'i32' | 'i64' | 'f32' | 'f64';

export interface NumberValue {
  readonly type: NumberType;
  readonly bits: Bits;
}

export interface VectorValue {
  readonly type: 'v128';
  /** Each lane as the integer or float of its width in bits. */
  readonly width: 8 | 16 | 32 | 64;
  readonly lanes: readonly Bits[];
}

export interface ReferenceValue {
  readonly type: 'ref';
  /** `null`, `extern`, `host`, `func`, `i31`, `struct`, ... */
  readonly kind: string;
  readonly number?: number;
}

export interface EitherValue {
  readonly type: 'either';
  readonly values: readonly Value[];
}

export type Value = NumberValue | VectorValue | ReferenceValue | EitherValue;

function integerBits(text: string, width: number): bigint {
  const digits = text.replaceAll('_', '').replace('+', '');
  const value = digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits);
  return BigInt.asUintN(width, value);
}

/** Rounds numerator / denominator to the nearest float of `width` bits, ties to even. Returns its bits without a sign. */
function roundToFloat(numerator: bigint, denominator: bigint, width: 32 | 64): bigint {
  const [fraction, bias] = width === 32 ? [23, 127] : [52, 1023];
  if (numerator === 0n) return 0n;
  let exponent = numerator.toString(2).length - denominator.toString(2).length;
  const atLeast = (e: number) => (e >= 0 ? numerator >= denominator << BigInt(e) : numerator << BigInt(-e) >= denominator);
  if (!atLeast(exponent)) exponent--;
  // Subnormals share the smallest exponent.
  const scale = Math.max(exponent, 1 - bias) - fraction;
  const [n, d] = scale >= 0 ? [numerator, denominator << BigInt(scale)] : [numerator << BigInt(-scale), denominator];
  let mantissa = n / d;
  const twice = (n - mantissa * d) * 2n;
  if (twice > d || (twice === d && (mantissa & 1n) === 1n)) mantissa++;
  // A carry out of the mantissa raises the exponent field by itself.
  const field = BigInt(scale + fraction + bias - 1);
  const bits = (field << BigInt(fraction)) + mantissa;
  const infinity = BigInt(2 * bias + 1) << BigInt(fraction);
  return bits > infinity ? infinity : bits;
}

function floatBits(text: string, width: 32 | 64): Bits {
  if (text === 'nan:canonical' || text === 'nan:arithmetic') return text;
  const [fraction, exponents] = width === 32 ? [23n, 0xffn] : [52n, 0x7ffn];
  const sign = text.startsWith('-') ? 1n << BigInt(width - 1) : 0n;
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '');
  const infinity = exponents << fraction;
  if (digits === 'inf') return sign | infinity;
  if (digits === 'nan') return sign | infinity | (1n << (fraction - 1n));
  if (digits.startsWith('nan:')) return sign | infinity | BigInt(digits.slice(4));
  const hex = digits.startsWith('0x');
  const [, whole, part = '', power = '0'] = (
    hex ? /^0x([0-9a-f]+)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i : /^(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i
  ).exec(digits)!;
  const mantissa = BigInt((hex ? '0x' : '') + whole! + part);
  const shift = Number(power) - part.length * (hex ? 4 : 1);
  const factor = (hex ? 2n : 10n) ** BigInt(Math.abs(shift));
  return sign | (shift >= 0 ? roundToFloat(mantissa * factor, 1n, width) : roundToFloat(mantissa, factor, width));
}

function numberBits(text: string, type: string, width: number): Bits {
  return type.startsWith('f') ? floatBits(text, width as 32 | 64) : integerBits(text, width);
}

const REFERENCE = /^ref\.(\w+)$/;

/** An argument or expected result, such as `(i32.const 1)`. */
export function value(node: Node): Value {
  const keyword = head(node);
  const items = node.kind === 'list' ? node.items.slice(1) : [];
  const first = atom(items[0]) ?? '';
  switch (keyword) {
    case 'i32.const':
    case 'i64.const':
    case 'f32.const':
    case 'f64.const': {
      const type = keyword.slice(0, 3) as NumberType;
      return { type, bits: numberBits(first, type, Number(type.slice(1))) };
    }
    case 'v128.const': {
      const [type, count] = first.split('x') as [string, string];
      const width = Number(type.slice(1)) as 8 | 16 | 32 | 64;
      const lanes = items.slice(1).map((lane) => numberBits(atom(lane)!, type, width));
      if (lanes.length !== Number(count)) throw new Error(`${first} with ${lanes.length} lanes`);
      return { type: 'v128', width, lanes };
    }
    case 'either':
      return { type: 'either', values: items.map(value) };
    default: {
      const kind = REFERENCE.exec(keyword)?.[1];
      if (kind === undefined) throw new Error(`unknown constant ${keyword}`);
      return { type: 'ref', kind, ...(/^\d/.test(first) && { number: Number(first) }) };
    }
  }
}
