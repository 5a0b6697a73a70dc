import { groups, recordKinds, records } from '../src/target/cpu/records.ts';

const WORDS: Readonly<Record<string, string>> = { address: 'Address', u32: 'uint32_t', f32: 'float' };
const capital = (name: string) => name[0]!.toUpperCase() + name.slice(1);

function struct(name: string, fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([field, type]) =>
    type.endsWith('[]')
      ? `  uint32_t ${field}Count;\n  ${type.slice(0, -2)} ${field}[];`
      : `  ${WORDS[type] ?? type} ${field};`,
  );
  return `struct ${name} {\n${lines.join('\n')}\n};\n`;
}

/** The text of `records.h`: the program's records as C++ structs, from their one source. */
export function recordsHeader(): string {
  const kinds = recordKinds.map((kind, code) => `  ${kind} = ${code},`);
  return [
    '// Generated from src/target/cpu/records.ts when the kernels are built. Do not edit.\n#pragma once\n#include <stdint.h>\n',
    'namespace densor {\n',
    '// Slab (highest 2 bits) and offset in 64-byte units; NO_ADDRESS: absent.\nusing Address = uint32_t;',
    'constexpr Address NO_ADDRESS = 0xffffffff;\n',
    ...Object.entries(groups).map(([name, fields]) => struct(name, fields)),
    ...recordKinds.map((kind) => struct(`${capital(kind)}Record`, records[kind])),
    `enum class OpCode : uint32_t {\n${kinds.join('\n')}\n};\n`,
    '}  // namespace densor\n',
  ].join('\n');
}
