// Prints the arguments and then the environment, one per line.
#include <stdio.h>

extern char **environ;

int main(int argc, char **argv) {
  for (int i = 0; i < argc; i++) puts(argv[i]);
  for (char **variable = environ; *variable; variable++) puts(*variable);
  return 0;
}
