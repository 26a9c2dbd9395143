;; Imports a global that holds a host value: to be refused when it is loaded.
(module
  (import "env" "value" (global $value externref))
  (memory (export "memory") 1)
  (func (export "value") (result externref) (global.get $value))
  (func (export "_start")))
