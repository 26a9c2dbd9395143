;; Declares a table of ten million entries, the most V8 takes, and grows it: what a table costs the host is not in the memory's limit.
;; `_start` grows until that fails, and traps if it could double the table.
(module
  (memory (export "memory") 1)
  (table $t (export "table") 10000000 funcref)
  (func (export "grow") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))
  (func (export "_start")
    (if (i32.ne (table.grow $t (ref.null func) (i32.const 10000000)) (i32.const -1)) (then (unreachable)))))
