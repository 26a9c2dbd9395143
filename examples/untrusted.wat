;; Code of a stranger: what it does is chosen by the export that is called.
(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "etc/passwd")

  (func $work (export "work") (param $n i64) (result i64)
    (if (result i64) (i64.lt_u (local.get $n) (i64.const 2))
      (then (i64.const 1))
      (else (i64.mul (local.get $n) (call $work (i64.sub (local.get $n) (i64.const 1)))))))

  ;; Descriptor after descriptor, in the hope that one is a directory of the host.
  (func (export "snoop") (result i32)
    (local $fd i32)
    (loop $next
      (if (i32.eqz (call $open (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 10) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)))
        (then (return (local.get $fd))))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const 1000))))
    (i32.const -1))

  ;; All the memory there is; how many pages it got.
  (func (export "hoard") (result i32)
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (memory.size))

  (func (export "stay") (loop $again (drop (call $yield)) (br $again)))
  (func (export "fall") (unreachable)))
