;; A plugin: its host writes text into its memory, and calls it.
(module
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))

  ;; Room for `size` bytes, or 0 where there is none.
  (func (export "alloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (if (i32.gt_u (local.get $size) (i32.sub (i32.const 65536) (local.get $at))) (then (return (i32.const 0))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  ;; Turns lower-case letters into capitals where they are, and says how many there were.
  (func (export "shout") (param $at i32) (param $length i32) (result i32)
    (local $end i32) (local $byte i32) (local $count i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $byte (i32.load8_u (local.get $at)))
        (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 97)) (i32.const 26))
          (then
            (i32.store8 (local.get $at) (i32.sub (local.get $byte) (i32.const 32)))
            (local.set $count (i32.add (local.get $count) (i32.const 1)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $count)))
