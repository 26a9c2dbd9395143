;; Swallows every exception, by legacy `try`/`catch_all` (catch-all.wat has the other form), around calls that end or block the process.
;; argv[1] or an export chooses: `exit` proc_exit(7), `raise` proc_raise(KILL), `read` blocking reads of stdin, `clock` and `yield` in a loop,
;; `own` throws and catches exceptions of its own. Whatever comes back from proc_exit, or is caught from the host, is told by `escaped`.
;; `exit` and `raise` then go on for ever, as a program that will not die does.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "proc_raise" (func $proc_raise (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (tag $own)
  (memory (export "memory") 1)
  ;; 0: iovec of the text; 8: iovec to read into; 16: results; 64: text; 128: bytes read; 1024: argv; 2048: its strings
  (data (i32.const 0) "\40\00\00\00\08\00\00\00\80\00\00\00\40\00\00\00")
  (data (i32.const 64) "escaped\n")

  (func $escaped
    (try
      (do (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
      (catch_all)))

  (func $exit (export "exit")
    (loop $again
      (try
        (do
          (call $proc_exit (i32.const 7))
          (call $escaped))
        (catch_all (call $escaped)))
      (br $again)))

  (func $raise (export "raise")
    (loop $again
      (try
        (do
          (drop (call $proc_raise (i32.const 9)))
          (call $escaped))
        (catch_all (call $escaped)))
      (br $again)))

  (func $read (export "read")
    (loop $again
      (try
        (do
          (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 16)))
          (nop))
        (catch_all (call $escaped)))
      (br $again)))

  (func $clock (export "clock")
    (loop $again
      (try
        (do
          (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 16)))
          (nop))
        (catch_all (call $escaped)))
      (br $again)))

  (func $yield (export "yield")
    (loop $again
      (try
        (do
          (drop (call $sched_yield))
          (nop))
        (catch_all (call $escaped)))
      (br $again)))

  ;; A hundred thousand of its own: they must be catchable, and the program ends with 0.
  (func $own_exceptions (export "own") (result i32)
    (local $caught_own i32)
    (loop $again
      (try
        (do (throw $own))
        (catch $own (local.set $caught_own (i32.add (local.get $caught_own) (i32.const 1)))))
      (br_if $again (i32.lt_u (local.get $caught_own) (i32.const 100000))))
    (local.get $caught_own))

  (func (export "_start")
    (local $first i32)
    (drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
    (if (i32.or (i32.lt_u (i32.load (i32.const 16)) (i32.const 2)) (i32.gt_u (i32.load (i32.const 20)) (i32.const 4096)))
      (then (call $exit)))
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    ;; The first letter is enough, but for `read` and `raise`.
    (local.set $first (i32.load8_u (i32.load (i32.const 1028))))
    (if (i32.eq (local.get $first) (i32.const 0x63)) (then (call $clock)))
    (if (i32.eq (local.get $first) (i32.const 0x79)) (then (call $yield)))
    (if (i32.eq (local.get $first) (i32.const 0x6f)) (then (drop (call $own_exceptions)) (return)))
    (if (i32.eq (i32.load16_u (i32.load (i32.const 1028))) (i32.const 0x6572)) (then (call $read)))
    (if (i32.eq (i32.load16_u (i32.load (i32.const 1028))) (i32.const 0x6172)) (then (call $raise)))
    (call $exit)))
