// The multiply-add rate of the device: 16 chains of vec4 from registers, `repeats` times. Each invocation stores a sum, so
// that nothing is optimised away.
struct Amount { repeats: u32 };
@group(0) @binding(0) var<uniform> amount: Amount;
@group(0) @binding(1) var<storage, read_write> results: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let x = vec4f(f32(id.x % 7u) * 1e-3);
  let y = vec4f(0.999);
  var a = array<vec4f, 16>();
  for (var i = 0u; i < 16u; i++) { a[i] = vec4f(f32(i)); }
  for (var k = 0u; k < amount.repeats; k++) {
    a[0] = fma(a[0], y, x); a[1] = fma(a[1], y, x); a[2] = fma(a[2], y, x); a[3] = fma(a[3], y, x);
    a[4] = fma(a[4], y, x); a[5] = fma(a[5], y, x); a[6] = fma(a[6], y, x); a[7] = fma(a[7], y, x);
    a[8] = fma(a[8], y, x); a[9] = fma(a[9], y, x); a[10] = fma(a[10], y, x); a[11] = fma(a[11], y, x);
    a[12] = fma(a[12], y, x); a[13] = fma(a[13], y, x); a[14] = fma(a[14], y, x); a[15] = fma(a[15], y, x);
  }
  var sum = vec4f();
  for (var i = 0u; i < 16u; i++) { sum += a[i]; }
  results[id.x % arrayLength(&results)] = sum;
}
