// Images that were uploaded as bytes: y[i] = the number of byte i in the table of its channel, four to an invocation. Numbers
// are copied as bits: one word each or, with HALF, a bfloat16. The last word of y may extend into the slack.
@group(0) @binding(0) var<storage, read> bytes: array<u32>;
@group(0) @binding(1) var<storage, read> tables: array<u32>; // [channels][256]
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

fn put(i: u32, word: u32) { if (i < arrayLength(&y)) { y[i] = word; } }

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = (group.x + group.y * groups.x) * 64u + lane;
  if (at >= arrayLength(&bytes)) { return; }
  let channels = arrayLength(&tables) / 256u;
  let four = bytes[at];
  var words = vec4u();
  for (var k = 0u; k < 4u; k++) {
    words[k] = tables[((4u * at + k) % channels) * 256u + ((four >> (8u * k)) & 255u)];
  }
  if (HALF) {
    put(2u * at, words.x | (words.y << 16u));
    put(2u * at + 1u, words.z | (words.w << 16u));
  } else {
    for (var k = 0u; k < 4u; k++) { put(4u * at + k, words[k]); }
  }
}
