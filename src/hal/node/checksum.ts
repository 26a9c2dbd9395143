// A checksum against accidents, in place of node:zlib's, which takes longer to load than a small program runs. It is no defence
// against anybody who can write what it covers.

const FACTOR = 0x9e3779b1;

/** 32 bits over `bytes`, which must start at a multiple of 4 in their buffer. Four chains, so that they overlap in the CPU. */
export function checksum(bytes: Uint8Array): number {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const whole = words.length & ~3;
  let a = bytes.length;
  let b = 1;
  let c = 2;
  let d = 3;
  for (let i = 0; i < whole; i += 4) {
    a = Math.imul(a ^ words[i]!, FACTOR);
    b = Math.imul(b ^ words[i + 1]!, FACTOR);
    c = Math.imul(c ^ words[i + 2]!, FACTOR);
    d = Math.imul(d ^ words[i + 3]!, FACTOR);
    a ^= a >>> 15;
    b ^= b >>> 15;
    c ^= c >>> 15;
    d ^= d >>> 15;
  }
  for (let i = whole << 2; i < bytes.length; i++) {
    a = Math.imul(a ^ bytes[i]!, FACTOR);
    a ^= a >>> 15;
  }
  b = Math.imul(b ^ a, FACTOR);
  c = Math.imul(c ^ (b ^ (b >>> 15)), FACTOR);
  d = Math.imul(d ^ (c ^ (c >>> 15)), FACTOR);
  return (d ^ (d >>> 15)) >>> 0;
}
