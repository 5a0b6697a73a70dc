/** A view of numbers as rows × columns: element (i, j) is at `at + i·down + j·right`. */
export interface Matrix {
  readonly data: Float64Array;
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
  readonly down: number;
  readonly right: number;
}

/** Consecutive rows from `at` on. */
export function rowMajor(data: Float64Array, at: number, rows: number, columns: number): Matrix {
  return { data, at, rows, columns, down: columns, right: 1 };
}

export function transposed({ data, at, rows, columns, down, right }: Matrix): Matrix {
  return { data, at, rows: columns, columns: rows, down: right, right: down };
}

/** into += a · b. In 4×4 tiles for speed; remaining elements one by one. */
export function addProduct(into: Matrix, a: Matrix, b: Matrix): void {
  const rows = into.rows - (into.rows % 4);
  const columns = into.columns - (into.columns % 4);
  for (let j = 0; j < columns; j += 4) {
    for (let i = 0; i < rows; i += 4) addTile(into, a, b, i, j);
    for (let i = rows; i < into.rows; i++) addElements(into, a, b, i, j, j + 4);
  }
  for (let i = 0; i < into.rows; i++) addElements(into, a, b, i, columns, into.columns);
}

/** Row i, columns [first, end). */
function addElements(into: Matrix, a: Matrix, b: Matrix, i: number, first: number, end: number): void {
  for (let j = first; j < end; j++) {
    let sum = 0;
    for (let k = 0; k < a.columns; k++) {
      sum += a.data[a.at + i * a.down + k * a.right]! * b.data[b.at + k * b.down + j * b.right]!;
    }
    into.data[into.at + i * into.down + j * into.right]! += sum;
  }
}

/** Rows i to i + 3, columns j to j + 3. */
function addTile(into: Matrix, a: Matrix, b: Matrix, i: number, j: number): void {
  const [left, leftDown, leftRight, right, rightDown, rightRight] = [
    a.data,
    a.down,
    a.right,
    b.data,
    b.down,
    b.right,
  ];
  let [l, r] = [a.at + i * a.down, b.at + j * b.right];
  let [s00, s01, s02, s03] = [0, 0, 0, 0];
  let [s10, s11, s12, s13] = [0, 0, 0, 0];
  let [s20, s21, s22, s23] = [0, 0, 0, 0];
  let [s30, s31, s32, s33] = [0, 0, 0, 0];
  for (let k = 0; k < a.columns; k++) {
    const l0 = left[l]!;
    const l1 = left[l + leftDown]!;
    const l2 = left[l + 2 * leftDown]!;
    const l3 = left[l + 3 * leftDown]!;
    const r0 = right[r]!;
    s00 += l0 * r0;
    s10 += l1 * r0;
    s20 += l2 * r0;
    s30 += l3 * r0;
    const r1 = right[r + rightRight]!;
    s01 += l0 * r1;
    s11 += l1 * r1;
    s21 += l2 * r1;
    s31 += l3 * r1;
    const r2 = right[r + 2 * rightRight]!;
    s02 += l0 * r2;
    s12 += l1 * r2;
    s22 += l2 * r2;
    s32 += l3 * r2;
    const r3 = right[r + 3 * rightRight]!;
    s03 += l0 * r3;
    s13 += l1 * r3;
    s23 += l2 * r3;
    s33 += l3 * r3;
    l += leftRight;
    r += rightDown;
  }
  const { data, down, right: across } = into;
  let at = into.at + i * down + j * across;
  data[at]! += s00;
  data[at + across]! += s01;
  data[at + 2 * across]! += s02;
  data[at + 3 * across]! += s03;
  at += down;
  data[at]! += s10;
  data[at + across]! += s11;
  data[at + 2 * across]! += s12;
  data[at + 3 * across]! += s13;
  at += down;
  data[at]! += s20;
  data[at + across]! += s21;
  data[at + 2 * across]! += s22;
  data[at + 3 * across]! += s23;
  at += down;
  data[at]! += s30;
  data[at + across]! += s31;
  data[at + 2 * across]! += s32;
  data[at + 3 * across]! += s33;
}
