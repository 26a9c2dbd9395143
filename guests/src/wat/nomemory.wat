;; Makes a call that takes a pointer without having a memory. It gives the errno back as its exit code (EFAULT is 21), where it is not
;; refused before that.
(module
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (func (export "_start") (call $proc_exit (call $fd_fdstat_get (i32.const 0) (i32.const 0)))))
