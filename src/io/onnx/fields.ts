import { fieldOf, type MessageName } from './schema.ts';
import { type Field, type FieldBudget, fieldsOf, textOf, WIRE } from './wire.ts';

/** Whether a field is the one with this name in a message type. */
export function isField({ id, wire }: Field, message: MessageName, name: string): boolean {
  const field = fieldOf(message, name);
  return id === field.id && wire === (field.type.startsWith('int64') ? WIRE.varint : WIRE.bytes);
}

/** Decodes a key-value pair (`StringStringEntryProto`). @throws OnnxError */
export function entryOf(bytes: Uint8Array, what: string, budget: FieldBudget): [string, string] {
  let [key, value] = ['', ''];
  for (const field of fieldsOf(bytes, what, budget)) {
    if (isField(field, 'StringStringEntryProto', 'key')) key = textOf(field.payload, what);
    if (isField(field, 'StringStringEntryProto', 'value')) value = textOf(field.payload, what);
  }
  return [key, value];
}
