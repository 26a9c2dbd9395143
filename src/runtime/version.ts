// The version of the loader: part of the code cache's key, to be changed whenever its output for any input changes.
export const LOADER_VERSION = '18';
