// Shared by all kernels. It follows the bindings and the accessors of the record's fields, which
// src/engine/webgpu/shader.ts generates: for a map `x` load_x(pixel, channel) → 4 channels, for a vector `scale`
// quad_scale(i) → 4 numbers and number_scale(i), and the constant HAS_x of each.
// Invocations of a workgroup: 64. Elements after the last channel of a map or vector are arbitrary, even NaN; they
// are replaced by selection, not multiplied by zero.

const ALL = vec4<bool>(true, true, true, true);

// Compilers may optimize comparisons with NaN and infinity away, so the bits are tested.
fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }

// Records that the results contain NaN or infinity; the state is then not updated.
fn fail() { atomicMin(&control.failed_record, r.number); }
fn has_failed() -> bool { return atomicLoad(&control.failed_record) != 0xffffffffu; }

// NaN stays NaN, unlike with max().
fn relu(z: vec4f) -> vec4f { return select(z, vec4f(), z <= vec4f()); }

// The channels [c, c + 4) that exist, for maps of `channels` channels.
fn existing(c: u32, channels: u32) -> vec4<bool> { return vec4u(c, c + 1u, c + 2u, c + 3u) < vec4u(channels); }
fn only(x: vec4f, exists: vec4<bool>) -> vec4f { return select(vec4f(), x, exists); }

// A linear index over workgroups in two dimensions.
fn linear(group: vec3u, groups: vec3u) -> u32 { return group.x + group.y * groups.x; }
