// The bandwidth of the device: copies one half of a buffer to the other, neighbours by neighbours.
@group(0) @binding(0) var<uniform> quads: u32; // Of a half.
@group(0) @binding(1) var<storage, read_write> memory: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < quads; i += 64u * groups.x) { memory[quads + i] = memory[i]; }
}
