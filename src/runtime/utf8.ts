// UTF-8 for names in modules: the core has no TextDecoder. Ill-formed sequences become U+FFFD, never an error.

export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = '';
  for (let i = start; i < end; ) {
    const lead = bytes[i++]!;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const extra = lead >= 0xf0 && lead <= 0xf4 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 0;
    let point = extra === 3 ? lead & 0x07 : extra === 2 ? lead & 0x0f : lead & 0x1f;
    let taken = 0;
    while (taken < extra && i < end && (bytes[i]! & 0xc0) === 0x80) {
      point = (point << 6) | (bytes[i++]! & 0x3f);
      taken++;
    }
    const least = extra === 3 ? 0x10000 : extra === 2 ? 0x800 : 0x80;
    const wellFormed =
      lead <= 0xf4 && extra > 0 && taken === extra && point >= least && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    text += wellFormed ? String.fromCodePoint(point) : '\ufffd';
  }
  return text;
}

export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text.toWellFormed()) {
    const point = character.codePointAt(0)!;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    else bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
  }
  return Uint8Array.from(bytes);
}
