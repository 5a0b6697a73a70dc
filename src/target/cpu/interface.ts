import {
  CONTROL_BLOCK,
  constants,
  PEAK_KERNELS,
  PEAK_OFFSETS,
  RECORD_HEADER,
  RUN_ADDRESSES,
  SCALARS,
  SLABS,
} from './constants.ts';
import { algorithms, groups, records } from './records.ts';

/** All that kernels and plans must agree on. */
const INTERFACE = [
  { CONTROL_BLOCK, constants, PEAK_KERNELS, PEAK_OFFSETS, RECORD_HEADER, RUN_ADDRESSES, SCALARS, SLABS },
  { algorithms, groups, records },
];

/**
 * A number that changes with any of it (FNV-1a, 32 bits): kernels that were compiled for another interface would read
 * records wrongly, and crash.
 */
export function interfaceVersion(): number {
  let hash = 0x811c9dc5;
  for (const character of JSON.stringify(INTERFACE)) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return hash >>> 0;
}

/** Of a WASM module: the name of the export that says so. */
export function interfaceExport(): string {
  return `interface_${interfaceVersion().toString(16)}`;
}
