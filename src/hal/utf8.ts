// UTF-8, strictly: what a guest or a module calls a path or a name is text, or an error. Lengths are counted in bytes. The core
// has no TextDecoder.

/** Code units that become text at once: one by one they would make a text of as many parts. */
const units = new Uint16Array(4096);

/** The text of `bytes[at .. at + length)`, or undefined where that is not well-formed UTF-8 (Unicode, table 3-7). */
export function decodeUtf8(bytes: Uint8Array, at = 0, length = bytes.length - at): string | undefined {
  let text = '';
  let n = 0;
  const end = at + length;
  for (let i = at; i < end; ) {
    // A character takes two of them at most.
    if (n > units.length - 2) {
      text += unitsText(n);
      n = 0;
    }
    const lead = bytes[i++]!;
    if (lead < 0x80) {
      units[n++] = lead;
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
    if (code > 0xffff) {
      units[n++] = 0xd7c0 + (code >> 10);
      units[n++] = 0xdc00 | (code & 0x3ff);
    } else units[n++] = code;
  }
  return text + unitsText(n);
}

const unitsText = (n: number): string => String.fromCharCode.apply(null, units.subarray(0, n) as unknown as number[]);

const SHORTEST = [0, 0x80, 0x800, 0x10000];

/** How many bytes `encodeUtf8` makes of it. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    // A pair takes four: the second unit is none of its own.
    if (unit >= 0xd800 && unit <= 0xdbff && (text.codePointAt(i) ?? 0) > 0xffff) {
      bytes++;
      i++;
    }
  }
  return bytes;
}

/** The bytes of `text`; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
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
  return bytes;
}
