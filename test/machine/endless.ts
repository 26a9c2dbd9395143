// Programs that never end, wait or make a call by themselves, each in another way; and programs that wait for ever. For the
// tests that end them and the bench that times it. Everything is in fields of a module's text.

const START = (body: string): string => `(func (export "_start") ${body})`;
const MEMORY = '(memory (export "memory") 1)';

/** A name for people, and the module. None of them stops by itself within any time that a test waits. */
export const ENDLESS: Readonly<Record<string, string>> = {
  'an empty loop': `${MEMORY} ${START('(loop $again (br $again))')}`,
  'a mutually recursive pair without loops': `${MEMORY}
    (func $even (param i32) (result i32) (if (result i32) (local.get 0) (then (call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
    (func $odd (param i32) (result i32) (if (result i32) (local.get 0) (then (call $twice (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))
    (func $twice (param i32) (result i32) (i32.or (call $even (local.get 0)) (call $even (local.get 0))))
    ${START('(drop (call $even (i32.const 400)))')}`,
  'a loop of indirect calls': `${MEMORY} (type $f (func)) (table 2 2 funcref) (elem (i32.const 0) $nothing $nothing) (func $nothing)
    ${START('(local $i i32) (loop $again (call_indirect (type $f) (local.tee $i (i32.xor (local.get $i) (i32.const 1)))) (br $again))')}`,
  'indirect calls of each other': `${MEMORY} (type $f (func (param i32))) (table 2 2 funcref) (elem (i32.const 0) $a $b)
    (func $a (type $f) (if (local.get 0) (then
      (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1))
      (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
    (func $b (type $f) (if (local.get 0) (then (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
    ${START('(call $a (i32.const 500))')}`,
  'tail calls': `${MEMORY} (func $a (return_call $b)) (func $b (return_call $a)) ${START('(call $a)')}`,
  'tail calls through a table': `${MEMORY} (type $f (func)) (table 2 2 funcref) (elem (i32.const 0) $a $b)
    (func $a (return_call_indirect (type $f) (i32.const 1))) (func $b (return_call_indirect (type $f) (i32.const 0))) ${START('(call $a)')}`,
  'tail calls by reference': `${MEMORY} (type $f (func)) (elem declare func $a)
    (func $a (type $f) (return_call_ref $f (ref.func $a))) ${START('(call $a)')}`,
  'a loop that catches everything': `${MEMORY} (tag $e) (func $thrower (throw $e))
    ${START('(loop $again (block $caught (try_table (catch_all $caught) (call $thrower))) (br $again))')}`,
  'a loop around memory.grow': `${MEMORY} ${START('(loop $again (drop (memory.grow (i32.const 1))) (br $again))')}`,
  'memory.fill of 1 GB': `(memory (export "memory") 16384)
    ${START('(loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x40000000)) (br $again))')}`,
  'memory.copy of 1 GB': `(memory (export "memory") 32768)
    ${START('(loop $again (memory.copy (i32.const 0x40000000) (i32.const 0) (i32.const 0x40000000)) (br $again))')}`,
  'table.fill of a million': `${MEMORY} (table $t 900000 900000 funcref)
    ${START('(loop $again (table.fill $t (i32.const 0) (ref.null func) (i32.const 900000)) (br $again))')}`,
  'a loop of allocation': `${MEMORY} (type $s (struct (field i64) (field i64))) ${START('(loop $again (drop (struct.new_default $s)) (br $again))')}`,
  'a loop of large arrays': `${MEMORY} (type $a (array (mut i64)))
    ${START('(loop $again (drop (array.new_default $a (i32.const 1000000))) (br $again))')}`,
  'a loop in a start function': `${MEMORY} (func $s (loop $again (br $again))) (start $s) ${START('')}`,
};

const IOVEC = '(memory (export "memory") 1) (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")';
const FD_READ = '(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))';
const FD_WRITE = '(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))';
const POLL = '(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))';
const SLEEP = '(import "host_process" "sleep_ms" (func $sleep (param i32) (result i32)))';
const YIELD = '(import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))';

/** A subscription to a clock, at 64: userdata 0, tag clock, id monotonic, timeout 2^62 ns. */
const SUBSCRIPTION =
  '(data (i32.const 64) "\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\40\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00")';

/** Programs that a process without CPU time of its own is in: no CPU limit ends them. */
export const WAITING: Readonly<Record<string, string>> = {
  'a read of its input': `${FD_READ} ${IOVEC} ${START('(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))')}`,
  'writes that nobody reads': `${FD_WRITE} ${IOVEC}
    ${START('(loop $again (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))) (br $again))')}`,
  poll_oneoff: `${POLL} (memory (export "memory") 1) ${SUBSCRIPTION}
    ${START('(drop (call $poll (i32.const 64) (i32.const 256) (i32.const 1) (i32.const 16)))')}`,
  'a sleep': `${SLEEP} (memory (export "memory") 0) ${START('(drop (call $sleep (i32.const 0x7fffffff)))')}`,
};

/** Programs that make calls without end. */
export const CALLING: Readonly<Record<string, string>> = {
  'a loop of yields': `${YIELD} (memory (export "memory") 0) ${START('(loop $again (drop (call $yield)) (br $again))')}`,
  'a loop of refused calls': `${FD_READ} ${IOVEC} ${START('(loop $again (drop (call $read (i32.const 99) (i32.const 0) (i32.const 1) (i32.const 16))) (br $again))')}`,
};
