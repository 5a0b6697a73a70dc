import { CONTROL } from '../../target/webgpu/constants.ts';
import { LIST_FIELDS, RECORD_HEADER, type ShaderVariant } from '../../target/webgpu/dispatch.ts';
import { type Fields, isPlace, specOf } from '../../target/webgpu/records.ts';
import { assertNever } from '../../tensor/assert-never.ts';
import { wgsl } from './kernels.generated.ts';

/**
 * Element type of the bound buffers:
 * - `vec4f`: for records whose maps begin at whole quads, which are read and written at once;
 * - `vec2u`: the same with bfloat16 maps: four of their numbers, or two float32;
 * - `u32`: one float32, for any alignment;
 * - `atomic<u32>`: the same with bfloat16 maps.
 */
type Storage = 'vec4f' | 'vec2u' | 'u32' | 'atomic<u32>';

/**
 * The text of a shader: bindings, the record's struct and accessors of its fields, then the kernel's files. Binding 0
 * is the record, 1 the control block, 2 the lists, from 3 on the segments.
 */
export function shaderOf(variant: ShaderVariant): string {
  const { kind, flags, slots, halves, quads } = variant;
  const { sources, fields, entry } = specOf(kind);
  const storage: Storage = quads
    ? halves.length > 0
      ? 'vec2u'
      : 'vec4f'
    : halves.length > 0
      ? 'atomic<u32>'
      : 'u32';
  const segments = Math.max(0, ...Object.values(slots).map((slot) => (slot ?? -1) + 1));
  const present = (name: string) => slots[name] !== undefined;
  const access = (spec: Fields, isInRecord: boolean) =>
    placesOf(spec).map(([name, type]) => {
      const segment = present(name) ? `s${slots[name]}` : undefined;
      const memory = memoryOf(segment, storage, halves.includes(name));
      return `const HAS_${snake(name)} = ${present(name)};\n${accessors(snake(name), type, memory, isInRecord)}`;
    });
  return [
    struct('Control', { ...CONTROL, failedRecord: 'atomic<u32>' }),
    struct('Record', {
      ...named(RECORD_HEADER, 'u32'),
      ...words(fields),
      ...(entry && named(LIST_FIELDS, 'u32')),
    }),
    '@group(0) @binding(0) var<uniform> r: Record;',
    '@group(0) @binding(1) var<storage, read_write> control: Control;',
    ...(entry ? ['@group(0) @binding(2) var<storage, read> lists: array<u32>;'] : []),
    ...Array.from(
      { length: segments },
      (_, i) => `@group(0) @binding(${3 + i}) var<storage, read_write> s${i}: array<${storage}>;`,
    ),
    ...Object.entries(flags).map(([name, value]) => `const ${snake(name).toUpperCase()} = ${value};`),
    ROUND,
    ...access(fields, true),
    ...(entry ? [...access(entry, false), entryStruct(entry)] : []),
    wgsl.prelude,
    ...sources.map((source) => wgsl[source as keyof typeof wgsl]),
  ].join('\n');
}

function named(names: readonly string[], type: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, type]));
}

function placesOf(fields: Fields): [string, 'Map' | 'Vector' | 'Index'][] {
  return Object.entries(fields).flatMap(([name, type]) => (isPlace(type) ? [[name, type]] : [])) as [
    string,
    'Map' | 'Vector' | 'Index',
  ][];
}

/** The words of a record's fields, in order: the same as in src/target/webgpu/dispatch.ts. */
function words(fields: Fields): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [name, type] of Object.entries(fields)) {
    if (type === 'Map') {
      all[name] = 'u32';
      all[`${name}Stride`] = 'u32';
    } else if (isPlace(type)) all[name] = 'u32';
    else if (type !== 'flag') all[name] = type;
  }
  return all;
}

function struct(name: string, members: Readonly<Record<string, string>>): string {
  const list = Object.entries(members).map(([member, type]) => `${snake(member)}: ${type}`);
  return `struct ${name} { ${list.join(', ')} };`;
}

function entryStruct(entry: Fields): string {
  const members = words(entry);
  const names = Object.keys(members);
  const read = names.map((name, i) => {
    const word = `lists[at + ${i}u]`;
    return members[name] === 'f32' ? `bitcast<f32>(${word})` : word;
  });
  return `${struct('Entry', members)}
fn entry(i: u32) -> Entry { let at = r.list + i * ${names.length}u; return Entry(${read.join(', ')}); }
// The list entry that contains element i of the concatenation: the last one that begins at or before it.
fn entry_of(i: u32) -> Entry {
  var low = 0u;
  var high = r.entries;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (lists[r.list + middle * ${names.length}u + ${names.indexOf('first')}u] <= i) { low = middle; } else { high = middle; }
  }
  return entry(low);
}`;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** float32 → bfloat16, to nearest, ties to even; NaN stays NaN (kernels/base/bfloat16.h). */
const ROUND = `fn half_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return (bits | 0x400000u) >> 16u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}`;

/**
 * The accessors of a field: elements of a map by pixel and channel, numbers and words of a vector by index. `lanes`
 * is the number of channels that exist, at least 1. Fields of a list's entries are read by their first element.
 */
function accessors(
  name: string,
  type: 'Map' | 'Vector' | 'Index',
  memory: Memory,
  isInRecord: boolean,
): string {
  const basic = `fn read_quad_${name}(i: u32) -> vec4f { ${memory.readQuad} }
fn read_${name}(i: u32) -> f32 { ${memory.read} }
fn write_quad_${name}(i: u32, x: vec4f, lanes: u32) { ${memory.writeQuad} }
fn write_${name}(i: u32, x: f32) { ${memory.write} }`;
  if (!isInRecord) return basic;
  if (type === 'Map') {
    const at = `r.${name} + pixel * r.${name}_stride + c`;
    return `${basic}
fn load_${name}(pixel: u32, c: u32) -> vec4f { return read_quad_${name}(${at}); }
fn element_${name}(pixel: u32, c: u32) -> f32 { return read_${name}(${at}); }
fn store_${name}(pixel: u32, c: u32, x: vec4f, lanes: u32) { write_quad_${name}(${at}, x, lanes); }
fn put_element_${name}(pixel: u32, c: u32, x: f32) { write_${name}(${at}, x); }`;
  }
  return `${basic}
fn quad_${name}(at: u32) -> vec4f { return read_quad_${name}(r.${name} + at); }
fn number_${name}(at: u32) -> f32 { return read_${name}(r.${name} + at); }
fn store_${name}(at: u32, x: vec4f) { write_quad_${name}(r.${name} + at, x, 4u); }
fn put_${name}(at: u32, x: f32) { write_${name}(r.${name} + at, x); }
fn word_${name}(at: u32) -> u32 { let i = r.${name} + at; ${memory.readWord} }
fn put_word_${name}(at: u32, x: u32) { let i = r.${name} + at; ${memory.writeWord} }`;
}

/** Bodies of functions that access elements i to i + 3 (`quad`) or i of a field. */
interface Memory {
  readonly readQuad: string;
  readonly read: string;
  readonly writeQuad: string;
  readonly write: string;
  readonly readWord: string;
  readonly writeWord: string;
}

const ABSENT: Memory = {
  readQuad: 'return vec4f();',
  read: 'return 0.0;',
  writeQuad: '',
  write: '',
  readWord: 'return 0u;',
  writeWord: '',
};

const lanes = (text: (lane: number) => string) => [0, 1, 2, 3].map(text);

function memoryOf(segment: string | undefined, storage: Storage, isHalf: boolean): Memory {
  if (segment === undefined) return ABSENT;
  const s = segment;
  switch (storage) {
    case 'vec4f':
      return { ...ABSENT, readQuad: `return ${s}[i >> 2u];`, writeQuad: `${s}[i >> 2u] = x;` };
    case 'vec2u':
      if (isHalf) {
        return {
          ...ABSENT,
          readQuad: `let p = ${s}[i >> 2u]; return bitcast<vec4f>(vec4u(p.x << 16u, p.x & 0xffff0000u, p.y << 16u, p.y & 0xffff0000u));`,
          writeQuad: `${s}[i >> 2u] = vec2u(half_of(x.x) | (half_of(x.y) << 16u), half_of(x.z) | (half_of(x.w) << 16u));`,
        };
      }
      return {
        ...ABSENT,
        readQuad: `return bitcast<vec4f>(vec4u(${s}[i >> 1u], ${s}[(i >> 1u) + 1u]));`,
        writeQuad: `${s}[i >> 1u] = bitcast<vec2u>(x.xy); ${s}[(i >> 1u) + 1u] = bitcast<vec2u>(x.zw);`,
      };
    case 'u32':
    case 'atomic<u32>': {
      const isAtomic = storage !== 'u32';
      const load = (i: string) => (isAtomic ? `atomicLoad(&${s}[${i}])` : `${s}[${i}]`);
      const store = (i: string, x: string) =>
        isAtomic ? `atomicStore(&${s}[${i}], ${x});` : `${s}[${i}] = ${x};`;
      const read = (i: string) =>
        isHalf
          ? `bitcast<f32>((${load(`(${i}) >> 1u`)} >> (16u * ((${i}) & 1u))) << 16u)`
          : `bitcast<f32>(${load(i)})`;
      // Another invocation may write the other half of the word concurrently; each changes only its own bits.
      const write = (i: string, x: string) =>
        isHalf
          ? `{ let shift = 16u * ((${i}) & 1u); atomicAnd(&${s}[(${i}) >> 1u], ~(0xffffu << shift)); atomicOr(&${s}[(${i}) >> 1u], half_of(${x}) << shift); }`
          : store(i, `bitcast<u32>(${x})`);
      return {
        readQuad: `return vec4f(${lanes((k) => read(`i + ${k}u`)).join(', ')});`,
        read: `return ${read('i')};`,
        writeQuad: lanes((k) => `if (lanes > ${k}u) { ${write(`i + ${k}u`, `x[${k}]`)} }`).join(' '),
        write: write('i', 'x'),
        readWord: `return ${load('i')};`,
        writeWord: store('i', 'x'),
      };
    }
    default:
      return assertNever(storage);
  }
}
