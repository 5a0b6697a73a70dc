// Kernels over the pixels and channels of a map: a workgroup has 128 pixels × 32 channels, an invocation every eighth
// pixel of four channels. A kernel defines `channels4(tile, first, c, lane)`: pixels first, first + 8, … below
// r.pixels, channels c on; c may be after the last channel.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let tile = linear(group, groups);
  if (tile >= r.tiles) { return; }
  channels4(tile, tile * 128u + lane / 8u, group.z * 32u + 4u * (lane % 8u), lane);
}

// The pixel after the last one of a tile.
fn end_of(tile: u32) -> u32 { return min(tile * 128u + 128u, r.pixels); }
