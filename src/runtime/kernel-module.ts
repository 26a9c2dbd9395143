// The import module through which a rewritten module reaches the kernel. A guest that names it is refused.

export const KERNEL_MODULE = 'superos:kernel';

/** What a check whose epoch word is set passes to the suspending import `wait`: no system call returns it. */
export const PREEMPT = -0x8000_0000;

/** The memory whose first word is nonzero when the kernel wants to be called: shared, of one page. */
export const EPOCH = 'epoch';

export type NumberType = 'i32' | 'i64' | 'f32' | 'f64';

/** With a type after it: the import that gives the result of the call just made, where that is no i32. */
export const VALUE = 'value_';
