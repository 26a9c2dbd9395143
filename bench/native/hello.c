// The native counterpart of guests/src/c/hello.c.
#include <stdio.h>

int main(void) {
  puts("Hello from C");
  return 0;
}
