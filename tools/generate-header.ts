import {
  CONTROL_BLOCK,
  constants,
  PEAK_KERNELS,
  PEAK_OFFSETS,
  RECORD_HEADER,
  RUN_ADDRESSES,
  SCALARS,
  SLABS,
} from '../src/target/cpu/constants.ts';
import { interfaceExport, interfaceVersion } from '../src/target/cpu/interface.ts';
import { algorithms, groups, recordKinds, records } from '../src/target/cpu/records.ts';

type Fields = Readonly<Record<string, string>>;

const WORDS: Fields = { address: 'Address', u32: 'uint32_t', f32: 'float' };
/** C++ types of the parameters of a run, by the name of the address. */
const POINTERS = {
  persistent: 'uint8_t *',
  transient: 'uint8_t *',
  prepared: 'uint8_t *',
  scalars: 'const densor::Scalars *',
  control: 'densor::Control *',
  program: 'const uint32_t *',
  durations: 'double *',
  scratch: 'float *',
} as const satisfies Readonly<Record<(typeof RUN_ADDRESSES)[number], string>>;

const capital = (name: string) => name[0]!.toUpperCase() + name.slice(1);

/** Generates `kernels/base/interface.h`: the constants, layouts and records in C++. */
export function interfaceHeader(): string {
  const control = Object.entries(CONTROL_BLOCK).map(([name, words]) =>
    words === 1 ? `uint32_t ${name};` : `uint32_t ${name}[${words}];`,
  );
  return [
    '// Generated from src/target/cpu/constants.ts and records.ts, which have the documentation, when the kernels are built. Do not edit.\n#pragma once\n#include <stdint.h>\n',
    'namespace densor {\n',
    '// Slab (the highest bits) and offset in units of ALIGNMENT_BYTES; NO_ADDRESS: absent.\nusing Address = uint32_t;\n',
    ...Object.entries(constants).map(([name, value]) => constant(name, value)),
    '',
    `constexpr uint32_t INTERFACE_VERSION = ${interfaceVersion()}u;\n#define DENSOR_INTERFACE "${interfaceExport()}"\n`,
    block('struct Control', control),
    struct('Scalars', SCALARS),
    block(
      'struct Slabs',
      SLABS.map((name) => `uint8_t *${name};`),
    ),
    `// The slab with this number.\ninline uint8_t *slabOf(const Slabs &slabs, uint32_t number) {\n  return ${slabByNumber()};\n}\n`,
    `// The addresses that a run receives, as parameters.\n#define DENSOR_RUN_PARAMETERS ${runParameters()}\n`,
    scopedEnum('RunOffset', RUN_ADDRESSES),
    scopedEnum('PeakOffset', PEAK_OFFSETS),
    block('enum class PeakKernel : uint32_t', numbered(PEAK_KERNELS)),
    block('enum class OpCode : uint32_t', numbered(recordKinds)),
    '// Before the fields of each record.',
    struct('RecordHeader', Object.fromEntries(RECORD_HEADER.map((name) => [name, headerType(name)]))),
    ...Object.entries(algorithms).map(([name, names]) =>
      block(`enum class ${name} : uint32_t`, numbered(names)),
    ),
    ...Object.entries(groups).map(([name, fields]) => struct(name, fields)),
    ...recordKinds.map((kind) => struct(`${capital(kind)}Record`, records[kind])),
    `// X(name, Name) for every kind of record that a kernel executes.\n#define DENSOR_RECORDS(X) ${kernelKinds()}\n`,
    '}  // namespace densor\n',
  ].join('\n');
}

/** A C++ constant: int, or Address if it does not fit. */
function constant(name: string, value: number): string {
  return value < 2 ** 31 ? `constexpr int ${name} = ${value};` : `constexpr Address ${name} = ${value}u;`;
}

function struct(name: string, fields: Fields): string {
  return block(
    `struct ${name}`,
    Object.entries(fields).map(([field, type]) =>
      type.endsWith('[]')
        ? `uint32_t ${field}Count;\n  ${type.slice(0, -2)} ${field}[];`
        : `${WORDS[type] ?? type} ${field};`,
    ),
  );
}

/** All kinds of records except those that sessions execute. */
function kernelKinds(): string {
  const kinds = recordKinds.filter((kind) => kind !== 'gather' && kind !== 'treeSum');
  return kinds.map((kind) => `X(${kind}, ${capital(kind)})`).join(' ');
}

/** An unscoped enum in a struct, so that its members convert to integers. */
function scopedEnum(name: string, names: readonly string[]): string {
  return `struct ${name} {\n  enum : uint32_t { ${names.join(', ')} };\n};\n`;
}

function numbered(names: readonly string[]): readonly string[] {
  return names.map((name, i) => `${name} = ${i},`);
}

function block(head: string, lines: readonly string[]): string {
  return `${head} {\n${lines.map((line) => `  ${line}`).join('\n')}\n};\n`;
}

function headerType(name: (typeof RECORD_HEADER)[number]): string {
  return name === 'opCode' ? 'OpCode' : 'u32';
}

function slabByNumber(): string {
  return SLABS.map((name, i) =>
    i < SLABS.length - 1 ? `number == ${i} ? slabs.${name} : ` : `slabs.${name}`,
  ).join('');
}

function runParameters(): string {
  return RUN_ADDRESSES.map((name) => POINTERS[name] + name).join(', ');
}
