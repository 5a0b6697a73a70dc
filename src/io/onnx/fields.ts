import { fieldOf, type MessageName } from './schema.ts';
import { type Field, type FieldBudget, fieldsOf, textOf, WIRE } from './wire.ts';

/** Whether this is the field of that name in such a message. */
export function isField({ id, wire }: Field, message: MessageName, name: string): boolean {
  const field = fieldOf(message, name);
  return id === field.id && wire === (field.type.startsWith('int64') ? WIRE.varint : WIRE.bytes);
}

/** A key and a value. @throws OnnxError */
export function entryOf(bytes: Uint8Array, what: string, budget: FieldBudget): [string, string] {
  let [key, value] = ['', ''];
  for (const field of fieldsOf(bytes, what, budget)) {
    if (isField(field, 'StringStringEntryProto', 'key')) key = textOf(field.payload, what);
    if (isField(field, 'StringStringEntryProto', 'value')) value = textOf(field.payload, what);
  }
  return [key, value];
}
