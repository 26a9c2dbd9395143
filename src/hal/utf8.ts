// UTF-8, strictly: what a guest or a module calls a path or a name is text, or an error. Lengths are counted in bytes. The core
// has no TextDecoder.

/** The text of `bytes[at .. at + length)`, or undefined where that is not well-formed UTF-8 (Unicode, table 3-7). */
export function decodeUtf8(bytes: Uint8Array, at = 0, length = bytes.length - at): string | undefined {
  let text = '';
  const end = at + length;
  for (let i = at; i < end; ) {
    const lead = bytes[i++]!;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const more = lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
    if (more === 0 || i + more > end) return undefined;
    let code = lead & (0x3f >> more);
    for (let k = 0; k < more; k++) {
      const next = bytes[i++]!;
      if ((next & 0xc0) !== 0x80) return undefined;
      code = (code << 6) | (next & 0x3f);
    }
    if (code < SHORTEST[more]! || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return undefined;
    text += String.fromCodePoint(code);
  }
  return text;
}

const SHORTEST = [0, 0x80, 0x800, 0x10000];

/** The bytes of `text`; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.codePointAt(i)!;
    if (code > 0xffff) i++;
    else if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) bytes[n++] = code;
    else {
      if (code < 0x800) bytes[n++] = 0xc0 | (code >> 6);
      else {
        if (code < 0x10000) bytes[n++] = 0xe0 | (code >> 12);
        else {
          bytes[n++] = 0xf0 | (code >> 18);
          bytes[n++] = 0x80 | ((code >> 12) & 0x3f);
        }
        bytes[n++] = 0x80 | ((code >> 6) & 0x3f);
      }
      bytes[n++] = 0x80 | (code & 0x3f);
    }
  }
  return bytes.slice(0, n);
}
