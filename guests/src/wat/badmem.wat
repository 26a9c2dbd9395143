;; Declares a minimum of 65,536 pages, all of 4 GiB.
(module
  (memory (export "memory") 65536)
  (func (export "_start")))
