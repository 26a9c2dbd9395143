// One module that uses what the loader has to understand: the tests of hostile input mutate it, and its rewritten form is the measure
// of whether the loader's version has to change.

export const SAMPLE = `
  (type $void (func)) (type $t (func (param i64 i32) (result i32)))
  (rec (type $node (sub (struct (field (mut i32)) (field (ref null $node))))) (type $leaf (sub final $node (struct (field (mut i32)) (field (ref null $node)) (field f32)))))
  (type $bytes (array (mut i8)))
  (import "sys" "call" (func $call (type $t)))
  (import "sys" "exit" (func $exit (param i32)))
  (import "sys" "float" (func $float (param f64) (result f64)))
  (import "env" "memory" (memory $imported 1 4))
  (import "env" "global" (global $imported_global i32))
  (import "env" "table" (table $imported_table 1 funcref))
  (memory $own 1) (memory $wide i64 1 8) (memory $shared 1 2 shared)
  (table $refs 4 (ref null $t)) (table $any i64 2 anyref) (table $filled 2 (ref $t) (ref.func $call))
  (tag $tag (param i32))
  (global $counter (mut i64) (i64.const -1)) (global $f (ref $t) (ref.func $call)) (global $v v128 (v128.const i32x4 1 2 3 4))
  (global $object (ref $leaf) (struct.new $leaf (i32.const 1) (ref.null $node) (f32.const 2)))
  (export "call" (func $call)) (export "main" (func $main)) (export "memory" (memory $own)) (export "counter" (global $counter))
  (start $init)
  (elem (table $imported_table) (i32.const 0) func $init)
  (elem (table $refs) (i32.const 1) (ref null $t) (ref.func $call) (ref.null $t))
  (elem $passive funcref (ref.func $main)) (elem declare func $call $exit)
  (data (memory $own) (i32.const 8) "active") (data $passive_data "passive") (data (memory $wide) (i64.const 3) "\\00\\ff")
  (func $init (type $void) (local i32 i64 f64 v128 (ref null $node))
    (drop (memory.grow $own (i32.const 1))) (drop (memory.grow $wide (i64.const 1)))
    (drop (table.grow $refs (ref.null $t) (i32.const 1))) (drop (table.grow $any (ref.null any) (i64.const 1)))
    (memory.init $imported $passive_data (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $passive_data)
    (memory.copy $own $imported (i32.const 0) (i32.const 0) (i32.const 1)) (memory.fill $own (i32.const 0) (i32.const 0) (i32.const 1))
    (i32.store $imported offset=70000 align=2 (i32.const 0) (i32.const 0))
    (drop (i64.atomic.rmw.add $shared (i32.const 0) (i64.const 1))) (atomic.fence)
    (drop (memory.atomic.notify $shared (i32.const 0) (i32.const 1))))
  (func $main (param i64) (result i32) (local $i i32)
    (block $out
      (loop $again
        (br_if $out (i32.gt_u (local.get $i) (i32.const 1000)))
        (local.set $i (i32.add (local.get $i) (call $call (local.get 0) (local.get $i))))
        (@metadata.code.branch_hint "\\00") (if (i32.eqz (local.get $i)) (then (call $exit (i32.const -1))))
        (br $again)))
    (block $h (result i32) (try_table (catch $tag $h) (throw $tag (i32.const 3))) (i32.const 4)) (drop)
    (drop (f64x2.relaxed_madd (v128.const f64x2 1 2) (v128.const f64x2 1 2) (v128.const f64x2 nan -0)))
    (drop (i8x16.extract_lane_s 15 (global.get $v)))
    (drop (ref.test (ref $leaf) (global.get $object))) (drop (array.new_data $bytes $passive_data (i32.const 0) (i32.const 0)))
    (drop (array.new_fixed $bytes 3 (i32.const 1) (i32.const 2) (i32.const 3)))
    (drop (select (result (ref null $t)) (ref.func $call) (ref.null $t) (i32.const 1)))
    (block (br_table 0 0 0 0 (i32.const 2)))
    (drop (call_ref $t (i64.const 1) (i32.const 2) (ref.func $call)))
    (drop (call_indirect $refs (type $t) (i64.const 1) (i32.const 2) (i32.const 1)))
    (return_call $call (i64.const 0x123456789) (i32.trunc_sat_f64_u (call $float (f64.const 0.5)))))`;

/** V8 takes no module that mixes both exception handlings. */
export const LEGACY_SAMPLE = `
  (import "sys" "call" (func $call (param i64))) (tag $tag (param i32)) (memory 1)
  (func (export "f") (result i32)
    try
      (call $call (i64.const 1))
      try (throw $tag (i32.const 1)) delegate 0
    catch $tag (return)
    catch_all (drop (memory.grow (i32.const 1))) rethrow 0
    end
    (i32.const 0))`;
