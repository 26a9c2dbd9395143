// Numeric: points of the Mandelbrot set, and a table of primes by trial division. Prints a checksum.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: u32, iovs: usize, iovsLength: u32, written: usize): u32;

const SIZE: i32 = 800;
const STEPS: i32 = 300;
const PRIMES: i32 = 12000;

function steps(cx: f64, cy: f64): i32 {
  let x = 0.0, y = 0.0, n = 0;
  while (n < STEPS && x * x + y * y <= 4.0) {
    const next = x * x - y * y + cx;
    y = 2.0 * x * y + cy;
    x = next;
    n++;
  }
  return n;
}

const primes = new StaticArray<u32>(PRIMES);

function isPrime(value: u32, count: i32): bool {
  for (let i = 0; i < count; i++) {
    const prime = primes[i];
    if (prime * prime > value) return true;
    if (value % prime == 0) return false;
  }
  return true;
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
  let sum: u32 = 0;
  for (let py = 0; py < SIZE; py++) {
    for (let px = 0; px < SIZE; px++) sum += steps(<f64>px * 3.0 / SIZE - 2.0, <f64>py * 2.0 / SIZE - 1.0);
  }
  let count = 0;
  for (let value: u32 = 2; count < PRIMES; value++) if (isPrime(value, count)) primes[count++] = value;
  print(sum ^ primes[PRIMES - 1]);
}
