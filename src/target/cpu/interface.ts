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

/** All definitions shared by kernels and plans. */
const INTERFACE = [
  { CONTROL_BLOCK, constants, PEAK_KERNELS, PEAK_OFFSETS, RECORD_HEADER, RUN_ADDRESSES, SCALARS, SLABS },
  { algorithms, groups, records },
];

/**
 * A hash of these definitions (FNV-1a, 32 bits): kernels compiled for another interface would misread records and
 * crash.
 */
export function interfaceVersion(): number {
  let hash = 0x811c9dc5;
  for (const character of JSON.stringify(INTERFACE)) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return hash >>> 0;
}

/** The export of a WASM module whose name contains the interface version. */
export function interfaceExport(): string {
  return `interface_${interfaceVersion().toString(16)}`;
}
