import protobuf from 'protobufjs/light.js';
import { MESSAGES, type MessageName } from '../../src/io/onnx/schema.ts';

/** The same messages for protobufjs: what it reads and writes is compared with ours. */
const { nested } = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(MESSAGES).map(([message, fields]) => [
      message,
      {
        edition: 'proto2', // As the specification is: a number that is 0 is written too.
        fields: Object.fromEntries(
          Object.entries(fields as Readonly<Record<string, readonly [string, number]>>).map(
            ([name, [type, id]]) => [
              name,
              type.endsWith('[]') ? { rule: 'repeated', type: type.slice(0, -2), id } : { type, id },
            ],
          ),
        ),
      },
    ]),
  ),
});

/** A message's type, to encode and decode with protobufjs. */
export function messageType(name: MessageName): protobuf.Type {
  return nested![name] as protobuf.Type;
}
