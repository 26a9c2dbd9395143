;; Imports a function that takes and gives a host value: to be refused when it is loaded.
(module
  (import "env" "call" (func $call (param externref) (result externref)))
  (memory (export "memory") 1)
  (func (export "_start") (drop (call $call (ref.null extern)))))
