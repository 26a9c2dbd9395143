// Why a program cannot be loaded. The message is one line, fit to be shown after `superos: `.

export type LoadErrorCode =
  | 'invalid-module' // V8 refuses the original bytes; the message is V8's
  | 'malformed' // the reader cannot make sense of bytes that V8 accepts
  | 'component' // a component, not a core module
  | 'unsupported-opcode'
  | 'unsupported' // a section, type or limit that the loader does not know
  | 'reserved-import' // the guest names the kernel's own import module
  | 'too-large'; // the rewritten module exceeds a limit of V8

export class LoadError extends Error {
  readonly code: LoadErrorCode;

  constructor(code: LoadErrorCode, message: string) {
    super(message);
    this.name = 'LoadError';
    this.code = code;
  }
}
