interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a column of labels may stand, in pixels. */
export interface Column {
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
  readonly lineHeight: number;
}

/**
 * Rows of a column of labels, each joined to its point by a line: near the points' middle, and in an order in which
 * no two lines cross. @returns the y of each point's label.
 */
export function labelRows(points: readonly Point[], column: Column): readonly number[] {
  const middle = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  const height = (points.length - 1) * column.lineHeight;
  const top = Math.max(column.top, Math.min(middle - height / 2, column.bottom - height));
  const length = (point: number, row: number) =>
    Math.hypot(column.x - points[point]!.x, top + row * column.lineHeight - points[point]!.y);
  const rows = points.map((_, i) => i);
  // Lines that cross are longer than the same lines uncrossed: swapping ends where no crossing is left.
  for (let swapped = true; swapped; ) {
    swapped = false;
    for (let i = 0; i < points.length; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b] = [rows[i]!, rows[j]!];
        if (length(i, b) + length(j, a) >= length(i, a) + length(j, b) - 1e-6) continue;
        [rows[i], rows[j]] = [b, a];
        swapped = true;
      }
    }
  }
  return rows.map((row) => top + row * column.lineHeight);
}
