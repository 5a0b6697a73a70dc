// Products whose rows are pixels of a map, and whose columns are packed weights: convolutions and their input gradients.
var<private> lane_of: u32;
var<private> panel_of: u32;

// Rows that are pixels, loaded four channels at a time: transposed on their way.
// This invocation has channels 4·(lane % 4) on, of pixels 4·(lane / 4) on, and of those 64 further.
fn keep_rows(lane: u32, rows: Rows) {
  let term = 4u * (lane % 4u);
  let at = lane / 4u;
  for (var h = 0u; h < 2u; h++) {
    let p = rows.q[4u * h];
    let q = rows.q[4u * h + 1u];
    let s = rows.q[4u * h + 2u];
    let t = rows.q[4u * h + 3u];
    let to = at + 16u * h;
    rows_of[term * PITCH + to] = vec4f(p.x, q.x, s.x, t.x);
    rows_of[(term + 1u) * PITCH + to] = vec4f(p.y, q.y, s.y, t.y);
    rows_of[(term + 2u) * PITCH + to] = vec4f(p.z, q.z, s.z, t.z);
    rows_of[(term + 3u) * PITCH + to] = vec4f(p.w, q.w, s.w, t.w);
  }
}

// The pixel of the tile that quad j of this invocation belongs to.
fn pixel_of(lane: u32, j: u32) -> u32 { return 4u * (lane / 4u) + j % 4u + 64u * (j / 4u); }

fn load_columns(i: u32, block: u32) -> vec4f {
  return quad_packed(((panel_of * r.blocks + block) * DEPTH) * 32u + 4u * i);
}
