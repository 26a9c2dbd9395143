;; Imports an exception tag that carries a host value, as WebAssembly.JSTag does: with it a guest would catch the kernel's own exceptions
;; and hold the object thrown. To be refused when it is loaded.
(module
  (import "env" "JSTag" (tag $js (param externref)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (global $held (export "held") (mut externref) (ref.null extern))
  (func (export "_start")
    (block $caught (result externref)
      (try_table (catch $js $caught) (call $proc_exit (i32.const 7)))
      (return))
    (global.set $held)))
