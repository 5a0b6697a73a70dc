// The matrix product of convolutions and their gradients: per workgroup 128 rows × 32 columns, 8 × 8 per
// invocation, 16 terms of the sum at a time. A kernel defines
//   setup(lane, tile, panel)         its own variables, once;
//   terms_of(block) → Terms          what all rows share in a block of 16 terms;
//   load_rows(lane, terms) → Rows    8 quads of this invocation, from the maps;
//   keep_rows(lane, rows)            … into `rows_of`, [term][row], padded against bank conflicts;
//   load_columns(i, block) → vec4f   quad i of the block's 16 × 32 factors;
//   finish(lane, tile, panel, sums)  what is stored: sums[2·p + j] = row 8·m + p, columns 8·n + 4·j on,
//                                    n = lane % 4, m = lane / 4.
// The order of the sum is that of the terms.
const DEPTH = 16u;
const PITCH = 33u;
struct Rows { q: array<vec4f, 8> };
var<workgroup> rows_of: array<vec4f, 528>;
var<workgroup> columns_of: array<vec4f, 128>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let tile = linear(group, groups);
  let panel = group.z;
  if (tile >= r.tiles) { return; }
  setup(lane, tile, panel);
  let m = 2u * (lane / 4u);
  let n = 2u * (lane % 4u);
  // Named variables, because some compilers place arrays in memory.
  var a0 = vec4f(); var b0 = vec4f();
  var a1 = vec4f(); var b1 = vec4f();
  var a2 = vec4f(); var b2 = vec4f();
  var a3 = vec4f(); var b3 = vec4f();
  var a4 = vec4f(); var b4 = vec4f();
  var a5 = vec4f(); var b5 = vec4f();
  var a6 = vec4f(); var b6 = vec4f();
  var a7 = vec4f(); var b7 = vec4f();
  for (var block = 0u; block < r.blocks; block++) {
    let terms = terms_of(block);
    let rows = load_rows(lane, terms);
    let c0 = load_columns(lane, block);
    let c1 = load_columns(lane + 64u, block);
    workgroupBarrier();
    keep_rows(lane, rows);
    columns_of[lane] = c0;
    columns_of[lane + 64u] = c1;
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      let x = rows_of[k * PITCH + m];
      let y = rows_of[k * PITCH + m + 1u];
      let u = columns_of[k * 8u + n];
      let v = columns_of[k * 8u + n + 1u];
      a0 = fma(vec4f(x.x), u, a0); b0 = fma(vec4f(x.x), v, b0);
      a1 = fma(vec4f(x.y), u, a1); b1 = fma(vec4f(x.y), v, b1);
      a2 = fma(vec4f(x.z), u, a2); b2 = fma(vec4f(x.z), v, b2);
      a3 = fma(vec4f(x.w), u, a3); b3 = fma(vec4f(x.w), v, b3);
      a4 = fma(vec4f(y.x), u, a4); b4 = fma(vec4f(y.x), v, b4);
      a5 = fma(vec4f(y.y), u, a5); b5 = fma(vec4f(y.y), v, b5);
      a6 = fma(vec4f(y.z), u, a6); b6 = fma(vec4f(y.z), v, b6);
      a7 = fma(vec4f(y.w), u, a7); b7 = fma(vec4f(y.w), v, b7);
    }
  }
  finish(lane, tile, panel, array<vec4f, 16>(a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6, a7, b7));
}

// Row and column of a term's tap in the window, and its channel; a quad of terms has one tap.
fn tap_of(term: u32) -> vec3u {
  let tap = term / r.per_tap;
  return vec3u(tap / r.kernel_width, tap % r.kernel_width, term - tap * r.per_tap);
}
