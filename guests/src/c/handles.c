// Opens the directory fd 3 (or the file argv[1] in it) until that fails, and prints how often it went and why it stopped: `COUNT ERRNO`.
// Then it closes all of them, and does it again: the same number must come.
#include "text.h"

enum { MOST = 1000000 };
static fd_t opened[MOST];

static uint32_t open_all(const char *path, errno_t *error) {
  uint32_t count = 0;
  while (count < MOST && (*error = wasi_path_open(3, 0, path, text_length(path), 0, RIGHT_FD_READ, 0, 0, &opened[count])) == W_SUCCESS) count++;
  put_number(count);
  put(" ");
  put_errno(*error);
  end_line(1);
  for (uint32_t i = 0; i < count; i++) {
    if (wasi_fd_close(opened[i]) != W_SUCCESS) wasi_proc_exit(1);
  }
  return count;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : ".";
  errno_t first, second;
  uint32_t count = open_all(path, &first);
  return count > 0 && first != W_SUCCESS && open_all(path, &second) == count && first == second ? 0 : 1;
}
