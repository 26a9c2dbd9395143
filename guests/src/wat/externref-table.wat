;; Imports a table of host values: to be refused when it is loaded.
(module
  (import "env" "values" (table $values 1 externref))
  (memory (export "memory") 1)
  (func (export "value") (result externref) (table.get $values (i32.const 0)))
  (func (export "_start")))
