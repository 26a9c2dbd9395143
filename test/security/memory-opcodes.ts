// Every opcode that touches memory, as an instruction at the address in local 0; some have a length in local 1, and `$d` is a segment of
// four bytes. In bounds none of them traps.
const A = '(local.get 0)';
const V = '(v128.const i64x2 1 2)';

export interface Case {
  readonly text: string;
  readonly stores: boolean;
}

const load1 = (name: string): Case => ({ text: `(drop (${name} ${A}))`, stores: false });
const loads = (names: string): Case[] => names.trim().split(/\s+/).map(load1);
const constant = (name: string): string => (name.startsWith('v128') ? V : `(${name.slice(0, 3)}.const 1)`);
const stores = (names: string): Case[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ text: `(${name} ${A} ${constant(name)})`, stores: true }));
const RMW = [
  'i32.atomic.rmw',
  'i64.atomic.rmw',
  'i32.atomic.rmw8',
  'i32.atomic.rmw16',
  'i64.atomic.rmw8',
  'i64.atomic.rmw16',
  'i64.atomic.rmw32',
];
const rmw = (operation: string): Case[] =>
  RMW.map((prefix) => {
    const operand = `(${prefix.slice(0, 3)}.const 0)`;
    const operands = operation === 'cmpxchg' ? `${operand} ${operand}` : operand;
    const suffix = /\d$/.test(prefix.slice(-2)) && prefix.includes('rmw') && /rmw\d/.test(prefix) ? '_u' : '';
    return { text: `(drop (${prefix}.${operation}${suffix} ${A} ${operands}))`, stores: true };
  });

/** `shared`: of a memory that threads share, in which they can wait. */
export const memoryOpcodes = (shared: boolean): readonly Case[] => [
  ...loads(`i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u i64.load8_s i64.load8_u i64.load16_s
    i64.load16_u i64.load32_s i64.load32_u v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u v128.load32x2_s
    v128.load32x2_u v128.load8_splat v128.load16_splat v128.load32_splat v128.load64_splat v128.load32_zero v128.load64_zero`),
  ...stores('i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32 v128.store'),
  ...[8, 16, 32, 64].flatMap((bits): Case[] => [
    { text: `(drop (v128.load${bits}_lane 0 ${A} ${V}))`, stores: false },
    { text: `(v128.store${bits}_lane 0 ${A} ${V})`, stores: true },
  ]),
  ...loads(`i32.atomic.load i64.atomic.load i32.atomic.load8_u i32.atomic.load16_u i64.atomic.load8_u i64.atomic.load16_u
    i64.atomic.load32_u`),
  ...stores(`i32.atomic.store i64.atomic.store i32.atomic.store8 i32.atomic.store16 i64.atomic.store8 i64.atomic.store16
    i64.atomic.store32`),
  ...['add', 'sub', 'and', 'or', 'xor', 'xchg', 'cmpxchg'].flatMap(rmw),
  { text: `(drop (memory.atomic.notify ${A} (i32.const 1)))`, stores: false },
  ...(shared
    ? [
        { text: `(drop (memory.atomic.wait32 ${A} (i32.const 77) (i64.const 0)))`, stores: false },
        { text: `(drop (memory.atomic.wait64 ${A} (i64.const 77) (i64.const 0)))`, stores: false },
      ]
    : []),
  { text: `(memory.fill ${A} (i32.const 1) (i32.const 64))`, stores: true },
  { text: `(memory.fill (i32.sub ${A} (i32.const 4096)) (i32.const 0) (i32.const 8192))`, stores: true },
  { text: `(memory.fill (i32.sub ${A} (i32.const 64)) (i32.const 0) (local.get 1))`, stores: true },
  { text: `(memory.copy ${A} (i32.const 256) (i32.const 64))`, stores: true },
  { text: `(memory.copy (i32.const 256) ${A} (i32.const 64))`, stores: false },
  { text: `(memory.init $d ${A} (i32.const 0) (i32.const 4))`, stores: true },
  { text: '(i32.store (i32.const 65544) (i32.const 1))', stores: true },
  { text: '(drop (i32.load (i32.const 65544)))', stores: false },
  { text: '(drop (i32.atomic.load (i32.const 65544)))', stores: false },
];
