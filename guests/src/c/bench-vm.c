// Interpreting: a register machine with one large switch runs a small program that counts Collatz steps. argv[1]: up to which number.
#include "text.h"

enum op { LOAD, MOVE, ADD, SUB, MUL, SHIFT, AND, XOR, LESS, JUMP, JUMP_IF, JUMP_UNLESS, GET, SET, CALL, RETURN, STOP };

struct instruction {
  uint8_t op, a, b, c;
  int32_t value;
};

static uint64_t cells[256];

static uint64_t run(const struct instruction *code, uint64_t argument) {
  uint64_t registers[16] = {argument};
  uint32_t stack[16], depth = 0, at = 0;
  for (;;) {
    const struct instruction in = code[at++];
    uint64_t *a = &registers[in.a & 15], b = registers[in.b & 15], c = registers[in.c & 15];
    switch ((enum op)in.op) {
      case LOAD: *a = (uint64_t)in.value; break;
      case MOVE: *a = b; break;
      case ADD: *a = b + c; break;
      case SUB: *a = b - c; break;
      case MUL: *a = b * c; break;
      case SHIFT: *a = b >> (c & 63); break;
      case AND: *a = b & c; break;
      case XOR: *a = b ^ c; break;
      case LESS: *a = b < c; break;
      case JUMP: at = (uint32_t)in.value; break;
      case JUMP_IF:
        if (b) at = (uint32_t)in.value;
        break;
      case JUMP_UNLESS:
        if (!b) at = (uint32_t)in.value;
        break;
      case GET: *a = cells[b & 255]; break;
      case SET: cells[b & 255] = c; break;
      case CALL:
        stack[depth++ & 15] = at;
        at = (uint32_t)in.value;
        break;
      case RETURN: at = stack[--depth & 15]; break;
      case STOP: return *a;
    }
  }
}

// r0: limit, r1: number, r2: total, r3: current, r4: one, r5: three, r6: scratch.
static const struct instruction collatz[] = {
    {LOAD, 1, 0, 0, 1},
    {LOAD, 4, 0, 0, 1},
    {LOAD, 5, 0, 0, 3},
    {MOVE, 3, 1, 0, 0}, // 3: next number
    {CALL, 0, 0, 0, 10},
    {ADD, 1, 1, 4, 0},
    {LESS, 6, 1, 0, 0},
    {JUMP_IF, 0, 6, 0, 3},
    {XOR, 2, 2, 1, 0},
    {STOP, 2, 0, 0, 0},
    {LESS, 6, 4, 3, 0}, // 10: steps of r3, added to r2
    {JUMP_UNLESS, 0, 6, 0, 22},
    {ADD, 2, 2, 4, 0},
    {GET, 6, 3, 0, 0},
    {ADD, 6, 6, 4, 0},
    {SET, 0, 3, 6, 0},
    {AND, 6, 3, 4, 0},
    {JUMP_IF, 0, 6, 0, 20},
    {SHIFT, 3, 3, 4, 0},
    {JUMP, 0, 0, 0, 10},
    {MUL, 3, 3, 5, 0}, // 20: odd
    {JUMP, 0, 0, 0, 23},
    {RETURN, 0, 0, 0, 0},
    {ADD, 3, 3, 4, 0},
    {JUMP, 0, 0, 0, 10},
};

int main(int argc, char **argv) {
  put_number(run(collatz, argc > 1 ? parse_number(argv[1]) : 1000));
  end_line(1);
}
