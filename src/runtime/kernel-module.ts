// The import module through which a rewritten module reaches the kernel. A guest that names it is refused.

export const KERNEL_MODULE = 'superos:kernel';
