interface Point {
  readonly x: number;
  readonly y: number;
}

/** The area of a column of labels, in pixels. */
export interface Column {
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
  readonly lineHeight: number;
}

/**
 * Places the labels of points in a column, connected to their points by lines: vertically centered on the points,
 * in an order in which no lines cross. @returns the y of each point's label.
 */
export function labelRows(points: readonly Point[], column: Column): readonly number[] {
  const middle = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  const height = (points.length - 1) * column.lineHeight;
  const top = Math.max(column.top, Math.min(middle - height / 2, column.bottom - height));
  const length = (point: number, row: number) =>
    Math.hypot(column.x - points[point]!.x, top + row * column.lineHeight - points[point]!.y);
  const rows = points.map((_, i) => i);
  // Swapping two crossing lines shortens their total length, so the loop terminates.
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
