// Numeric: seven bodies under gravity, by steps of one velocity update and one move. argv[1]: steps.
#include "text.h"

enum { BODIES = 7 };

static struct body {
  double x, y, z, vx, vy, vz, mass;
} bodies[BODIES];

static void step(double time) {
  for (int i = 0; i < BODIES; i++) {
    struct body *a = &bodies[i];
    for (int j = i + 1; j < BODIES; j++) {
      struct body *b = &bodies[j];
      double x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;
      double square = x * x + y * y + z * z + 0.01;
      double pull = time / (square * __builtin_sqrt(square));
      a->vx -= x * b->mass * pull, a->vy -= y * b->mass * pull, a->vz -= z * b->mass * pull;
      b->vx += x * a->mass * pull, b->vy += y * a->mass * pull, b->vz += z * a->mass * pull;
    }
  }
  for (int i = 0; i < BODIES; i++) {
    struct body *a = &bodies[i];
    a->x += time * a->vx, a->y += time * a->vy, a->z += time * a->vz;
  }
}

int main(int argc, char **argv) {
  for (int i = 0; i < BODIES; i++) {
    double k = i;
    bodies[i] = (struct body){k, k * k / 4, 3 - k, 0.1 * k, 0.2, 0.3 - 0.1 * k, 1 + k / 2};
  }
  for (uint64_t steps = argc > 1 ? parse_number(argv[1]) : 1; steps > 0; steps--) step(0.001);
  double energy = 0;
  for (int i = 0; i < BODIES; i++) {
    const struct body *a = &bodies[i];
    energy += a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
  }
  put_number((uint64_t)(energy * 1e9));
  end_line(1);
}
