// Compression: an LZ77 coder with hash chains over generated text, and its decoder. argv[1]: rounds.
#include <string.h>

#include "text.h"

enum { SIZE = 1 << 19, WINDOW = 1 << 15, HASH_BITS = 15, MATCH_MIN = 4, MATCH_MAX = 255, TRIES = 16 };

static uint8_t input[SIZE], packed[SIZE * 2], output[SIZE];
static int32_t head[1 << HASH_BITS], previous[WINDOW];

static void make_text(void) {
  static const char *const words[] = {"kernel ", "process ", "memory ", "a ", "the ", "of ", "page\n", "signal ", "queue, ", "lock. "};
  uint32_t seed = 1;
  for (size_t at = 0; at < SIZE;) {
    seed = seed * 1664525 + 1013904223;
    for (const char *word = words[(seed >> 16) % 10]; *word && at < SIZE;) input[at++] = (uint8_t)*word++;
    if ((seed >> 8) % 5 == 0 && at < SIZE) input[at++] = (uint8_t)(seed >> 24);
  }
}

static uint32_t hash(const uint8_t *at) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word * 2654435761u >> (32 - HASH_BITS);
}

static size_t match_length(const uint8_t *a, const uint8_t *b, size_t limit) {
  size_t length = 0;
  while (length < limit && a[length] == b[length]) length++;
  return length;
}

// A token is a literal (0, byte) or a match (length, distance in two bytes).
static size_t pack(void) {
  size_t out = 0;
  memset(head, 0xff, sizeof head);
  for (size_t at = 0; at < SIZE;) {
    size_t best = 0, distance = 0, limit = SIZE - at < MATCH_MAX ? SIZE - at : MATCH_MAX;
    if (limit >= MATCH_MIN) {
      int32_t candidate = head[hash(input + at)];
      for (int tries = TRIES; tries > 0 && candidate >= 0 && at - (size_t)candidate < WINDOW; tries--) {
        size_t length = match_length(input + at, input + candidate, limit);
        if (length > best) best = length, distance = at - (size_t)candidate;
        candidate = previous[candidate % WINDOW];
      }
    }
    size_t taken = best >= MATCH_MIN ? best : 1;
    packed[out++] = best >= MATCH_MIN ? (uint8_t)best : 0;
    if (best >= MATCH_MIN) packed[out++] = (uint8_t)distance, packed[out++] = (uint8_t)(distance >> 8);
    else packed[out++] = input[at];
    for (; taken > 0; taken--, at++) {
      if (SIZE - at < MATCH_MIN) continue;
      uint32_t slot = hash(input + at);
      previous[at % WINDOW] = head[slot];
      head[slot] = (int32_t)at;
    }
  }
  return out;
}

static size_t unpack(size_t length) {
  size_t out = 0;
  for (size_t at = 0; at < length;) {
    size_t count = packed[at++];
    if (count == 0) {
      output[out++] = packed[at++];
      continue;
    }
    size_t distance = packed[at] | (size_t)packed[at + 1] << 8;
    at += 2;
    for (; count > 0; count--, out++) output[out] = output[out - distance];
  }
  return out;
}

int main(int argc, char **argv) {
  make_text();
  size_t length = 0;
  for (uint64_t rounds = argc > 1 ? parse_number(argv[1]) : 1; rounds > 0; rounds--) {
    length = pack();
    if (unpack(length) != SIZE || memcmp(input, output, SIZE) != 0) return 1;
  }
  put_number(length);
  end_line(1);
}
