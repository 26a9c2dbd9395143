;; Recursion without an end. argv[1] or an export chooses: `plain` nothing but calls; `calls` an fd_write of no bytes and a clock at every
;; depth; `wide` a large frame at every depth; `mutual` through a table; `caught` each depth swallows what comes from below and returns;
;; `storm` each depth swallows it and goes down again. In V8 and wasmtime an exhausted stack is a trap that no catch_all sees, so these
;; two end like the others; where a host made it an exception, `caught` would return and only a kill would end `storm`.
;; The export `depth` says how deep it went.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $depth (export "depth") (mut i32) (i32.const 0))
  (type $void (func))
  (table 2 2 funcref)
  (elem (i32.const 0) $mutual $other)

  (func $deeper (global.set $depth (i32.add (global.get $depth) (i32.const 1))))

  (func $plain (export "plain")
    (call $deeper)
    (call $plain)
    ;; Something to do afterwards, or this were a loop.
    (i32.store (i32.const 0) (global.get $depth)))

  (func $calls (export "calls")
    (call $deeper)
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 16)))
    (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 16)))
    (call $calls)
    (i32.store (i32.const 0) (global.get $depth)))

  (func $wide_frame (export "wide") (result i64)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64) (local $e i64) (local $f i64) (local $g i64) (local $h i64)
    (call $deeper)
    (local.set $a (i64.load (i32.const 0)))
    (local.set $b (i64.load (i32.const 8)))
    (local.set $c (i64.load (i32.const 16)))
    (local.set $d (i64.load (i32.const 24)))
    (local.set $e (i64.load (i32.const 32)))
    (local.set $f (i64.load (i32.const 40)))
    (local.set $g (i64.load (i32.const 48)))
    (local.set $h (call $wide_frame))
    (i64.add (i64.add (i64.add (local.get $a) (local.get $b)) (i64.add (local.get $c) (local.get $d)))
             (i64.add (i64.add (local.get $e) (local.get $f)) (i64.add (local.get $g) (local.get $h)))))

  (func $mutual (export "mutual")
    (call $deeper)
    (call_indirect (type $void) (i32.const 1))
    (i32.store (i32.const 0) (global.get $depth)))

  (func $other
    (call_indirect (type $void) (i32.const 0))
    (i32.store (i32.const 0) (global.get $depth)))

  (func $caught (export "caught")
    (call $deeper)
    (block $swallow
      (try_table (catch_all $swallow) (call $caught))))

  (func $storm (export "storm")
    (call $deeper)
    (block $first
      (try_table (catch_all $first) (call $storm)))
    (block $second
      (try_table (catch_all $second) (call $storm))))

  (func (export "_start")
    (local $text i32) (local $first i32)
    (drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
    (if (i32.or (i32.lt_u (i32.load (i32.const 16)) (i32.const 2)) (i32.gt_u (i32.load (i32.const 20)) (i32.const 4096)))
      (then (call $plain) (return)))
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (local.set $text (i32.load (i32.const 1028)))
    (local.set $first (i32.load16_u (local.get $text)))
    (if (i32.eq (local.get $first) (i32.const 0x6977)) (then (drop (call $wide_frame)) (return)))
    (if (i32.eq (local.get $first) (i32.const 0x756d)) (then (call $mutual) (return)))
    (if (i32.eq (local.get $first) (i32.const 0x7473)) (then (call $storm) (return)))
    ;; `calls` or `caught`: the third letter.
    (if (i32.eq (local.get $first) (i32.const 0x6163))
      (then
        (if (i32.eq (i32.load8_u offset=2 (local.get $text)) (i32.const 0x6c)) (then (call $calls)) (else (call $caught)))
        (return)))
    (call $plain)))
