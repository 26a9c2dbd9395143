// The smallest useful program: one fd_write.
#include <unistd.h>

int main(void) {
  static const char text[] = "Hello from C\n";
  return write(STDOUT_FILENO, text, sizeof text - 1) == sizeof text - 1 ? 0 : 1;
}
