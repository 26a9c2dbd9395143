// Hashing: CRC-32 by table, FNV-1a and SHA-1 over a generated buffer. argv[1]: rounds.
#include "text.h"

enum { SIZE = 1 << 18 };

static uint8_t data[SIZE];
static uint32_t table[256];

static uint32_t crc32(uint32_t crc) {
  crc = ~crc;
  for (size_t i = 0; i < SIZE; i++) crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
  return ~crc;
}

static uint32_t fnv(uint32_t hash) {
  for (size_t i = 0; i < SIZE; i++) hash = (hash ^ data[i]) * 16777619u;
  return hash;
}

static uint32_t rotate(uint32_t value, int by) {
  return value << by | value >> (32 - by);
}

static void sha1_block(uint32_t state[5], const uint8_t *block) {
  uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
  for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (int i = 0; i < 80; i++) {
    uint32_t f, k;
    if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
    else if (i < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
    else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
    else f = b ^ c ^ d, k = 0xca62c1d6;
    uint32_t next = rotate(a, 5) + f + e + k + w[i];
    e = d, d = c, c = rotate(b, 30), b = a, a = next;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

int main(int argc, char **argv) {
  for (uint32_t i = 0, seed = 1; i < SIZE; i++) seed = seed * 1664525 + 1013904223, data[i] = (uint8_t)(seed >> 24);
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
    table[i] = value;
  }
  uint32_t crc = 0, hash = 2166136261u, state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (uint64_t rounds = argc > 1 ? parse_number(argv[1]) : 1; rounds > 0; rounds--) {
    crc = crc32(crc);
    hash = fnv(hash);
    for (size_t at = 0; at < SIZE; at += 64) sha1_block(state, data + at);
  }
  put_number(crc), put(" "), put_number(hash), put(" "), put_number(state[0]);
  end_line(1);
}
