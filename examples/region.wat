;; Maps the region that it finds as `region:frames`; `draw` fills it, and `sum` adds up its bytes.
(module
  (import "superos" "cap_find" (func $find (param i32 i32 i32) (result i32)))
  (import "superos" "mem_map" (func $map (param i32 i32 i32 i32) (result i32)))
  (import "superos" "mem_info" (func $info (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "region:frames")
  (global $at (mut i32) (i32.const 0))
  (global $end (mut i32) (i32.const 0))

  ;; An errno of WASI, 0 where it is mapped: 76 is ENOTCAPABLE.
  (func (export "map") (param $access i32) (result i32) (local $region i32) (local $errno i32)
    (local.set $errno (call $find (i32.const 64) (i32.const 13) (i32.const 0)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (local.set $region (i32.load (i32.const 0)))
    (local.set $errno (call $map (local.get $region) (i32.const 0) (local.get $access) (i32.const 4)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (drop (call $info (local.get $region) (i32.const 8) (i32.const 16)))
    (global.set $at (i32.load (i32.const 4)))
    (global.set $end (i32.add (global.get $at) (i32.load (i32.const 8))))
    (i32.const 0))

  (func (export "draw") (param $colour i32)
    (memory.fill (global.get $at) (local.get $colour) (i32.sub (global.get $end) (global.get $at))))

  (func (export "sum") (result i32) (local $at i32) (local $sum i32)
    (local.set $at (global.get $at))
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (global.get $end))))
    (local.get $sum)))
