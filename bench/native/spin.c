// spin: takes all the CPU time that it gets, until it is killed.
int main(void) {
  for (;;) __asm__ volatile("");
}
