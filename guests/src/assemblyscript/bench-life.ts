// Conway's Life on a torus of bytes, 500 generations, and a run-length code of each twentieth one. Prints a checksum.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: u32, iovs: usize, iovsLength: u32, written: usize): u32;

const WIDTH: i32 = 256;
const HEIGHT: i32 = 256;
const GENERATIONS: i32 = 500;

let cells = new StaticArray<u8>(WIDTH * HEIGHT);
let next = new StaticArray<u8>(WIDTH * HEIGHT);

function seed(): void {
  let state: u32 = 1;
  for (let i = 0; i < cells.length; i++) {
    state = state * 1664525 + 1013904223;
    cells[i] = state >> 30 == 0 ? 1 : 0;
  }
}

function generation(): void {
  for (let y = 0; y < HEIGHT; y++) {
    const above = ((y + HEIGHT - 1) % HEIGHT) * WIDTH, here = y * WIDTH, below = ((y + 1) % HEIGHT) * WIDTH;
    for (let x = 0; x < WIDTH; x++) {
      const left = (x + WIDTH - 1) % WIDTH, right = (x + 1) % WIDTH;
      const around =
        cells[above + left] + cells[above + x] + cells[above + right] +
        cells[here + left] + cells[here + right] +
        cells[below + left] + cells[below + x] + cells[below + right];
      next[here + x] = around == 3 || (around == 2 && cells[here + x] == 1) ? 1 : 0;
    }
  }
  const swapped = cells;
  cells = next;
  next = swapped;
}

function runLengths(): u32 {
  let hash: u32 = 0;
  for (let at = 0; at < cells.length; ) {
    const start = at;
    while (at < cells.length && cells[at] == cells[start]) at++;
    hash = hash * 31 + <u32>(at - start);
  }
  return hash;
}

const digits = memory.data(16);
const iov = memory.data(8, 4);
const written = memory.data(4, 4);

function print(value: u32): void {
  let at = digits + 15;
  store<u8>(at, 10);
  do {
    store<u8>(--at, 48 + value % 10);
    value /= 10;
  } while (value > 0);
  store<usize>(iov, at);
  store<u32>(iov, <u32>(digits + 16 - at), 4);
  fd_write(1, iov, 1, written);
}

export function _start(): void {
  seed();
  let sum: u32 = 0;
  for (let i = 1; i <= GENERATIONS; i++) {
    generation();
    if (i % 20 == 0) sum ^= runLengths();
  }
  print(sum);
}
