// Dynamic programming: edit distances between made strings, by rows, and a longest common subsequence. Prints a checksum.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: u32, iovs: usize, iovsLength: u32, written: usize): u32;

const LENGTH: i32 = 1000;
const PAIRS: u32 = 48;

const a = new StaticArray<u8>(LENGTH);
const b = new StaticArray<u8>(LENGTH);
const row = new StaticArray<i32>(LENGTH + 1);
const table = new StaticArray<u16>((LENGTH + 1) * (LENGTH + 1));

function fill(text: StaticArray<u8>, state: u32): void {
  for (let i = 0; i < LENGTH; i++) {
    state = state * 1664525 + 1013904223;
    text[i] = 97 + <u8>((state >> 24) % 6);
  }
}

function distance(): i32 {
  for (let j = 0; j <= LENGTH; j++) row[j] = j;
  for (let i = 1; i <= LENGTH; i++) {
    let diagonal = row[0];
    row[0] = i;
    for (let j = 1; j <= LENGTH; j++) {
      const changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = min(changed, min(row[j], row[j - 1]) + 1);
    }
  }
  return row[LENGTH];
}

function common(): i32 {
  const stride = LENGTH + 1;
  for (let i = 1; i <= LENGTH; i++) {
    for (let j = 1; j <= LENGTH; j++) {
      const at = i * stride + j;
      if (a[i - 1] == b[j - 1]) table[at] = table[at - stride - 1] + 1;
      else table[at] = max(table[at - 1], table[at - stride]);
    }
  }
  return table[LENGTH * stride + LENGTH];
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
  for (let pair: u32 = 0; pair < PAIRS; pair++) {
    fill(a, pair);
    fill(b, pair + 1000);
    sum = sum * 31 + distance() + common();
  }
  print(sum);
}
