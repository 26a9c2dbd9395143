// The name that somebody may have meant: for errors about what is misspelt.

/** The name nearest to what was written, if it is near. */
export function nearest(written: string, names: Iterable<string>): string | undefined {
  if (written === '') return undefined;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(written.length / 3)) + 1;
  for (const name of names) {
    const distance = edits(written, name, least);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

/** Damerau's distance: two letters that changed places are one mistake. Any number from `enough` on where it is as many. */
function edits(a: string, b: string, enough: number): number {
  if (Math.abs(a.length - b.length) >= enough) return enough;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  let [leastBefore, least] = [0, 0];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    leastBefore = least;
    least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY;
      const distance = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same, swapped);
      next.push(distance);
      if (distance < least) least = distance;
    }
    // What follows comes of one of these two rows.
    if (least >= enough && leastBefore >= enough) return enough;
    before = row;
    row = next;
  }
  return row[b.length]!;
}
