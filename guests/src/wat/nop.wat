;; The shortest life a process can have: one page of memory and a _start that returns at once.
(module
  (memory (export "memory") 1)
  (func (export "_start")))
