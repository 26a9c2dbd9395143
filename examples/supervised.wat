;; A user's program: asks its host for a price, and opens two files.
(module
  (import "shop" "price" (func $price (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "menu.txt")
  (data (i32.const 80) "salaries.txt")
  (data (i32.const 96) ": opened\n")
  (data (i32.const 112) ": refused\n")
  (data (i32.const 128) "price: 00\n")

  (func $print (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  ;; Opens a file of the first directory to read, and says how that went.
  (func $try (param $name i32) (param $length i32)
    (call $print (local.get $name) (local.get $length))
    (if (call $path_open (i32.const 3) (i32.const 1) (local.get $name) (local.get $length) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8))
      (then (call $print (i32.const 112) (i32.const 10)))
      (else (call $print (i32.const 96) (i32.const 9)))))

  (func (export "_start") (local $price i32)
    (local.set $price (call $price (i32.const 7)))
    (i32.store8 (i32.const 135) (i32.add (i32.const 48) (i32.div_u (local.get $price) (i32.const 10))))
    (i32.store8 (i32.const 136) (i32.add (i32.const 48) (i32.rem_u (local.get $price) (i32.const 10))))
    (call $print (i32.const 128) (i32.const 10))
    (call $try (i32.const 64) (i32.const 8))
    (call $try (i32.const 80) (i32.const 12))))
