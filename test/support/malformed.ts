/** Requests that no generated client would send, made from the descriptors of the service. */
import { readFileSync } from "node:fs";
import { createFileRegistry, type DescMessage, fromBinary, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";

const descriptors = readFileSync(new URL("../../gen/descriptors.binpb", import.meta.url));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
/** The methods of the service as its descriptors have them. */
export const { methods } = registry.getService("socketregistry.v1.SocketRegistry") ?? expect.unreachable();

/** A message type may hold itself, as a Struct does: so many levels of it are enough. */
const LEVELS = 7;

/** A field with its bytes. */
export function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.from(new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish());
}

/** A field with a number. */
export function varint(number: number, value: number | bigint): Buffer {
  return Buffer.from(new BinaryWriter().tag(number, WireType.Varint).int64(value).finish());
}

export interface Place {
  /** The way to the field, such as `context.fields.key`. */
  readonly path: string;
  /** A message that has `text` there and nothing else but what is around it. */
  readonly bytes: Buffer;
}

/** Every place for a text in a message type, with this text in it. */
export function textPlaces(type: DescMessage, text: Uint8Array, level = 0): Place[] {
  if (level > LEVELS) return [];
  return type.fields.flatMap((desc) => {
    const { name, number } = desc;
    const inside = (message: DescMessage, wrap: (bytes: Buffer) => Buffer) =>
      textPlaces(message, text, level + 1).map(({ path, bytes }) => ({ path: `${name}.${path}`, bytes: wrap(bytes) }));
    if (desc.fieldKind === "map") {
      const key = { path: `${name}.key`, bytes: field(number, field(1, text)) };
      const entry = (value: Buffer) => field(number, Buffer.concat([field(1, Buffer.from("k")), value]));
      if (desc.message !== undefined) return [key, ...inside(desc.message, (bytes) => entry(field(2, bytes)))];
      return desc.scalar === ScalarType.STRING ? [key, { path: `${name}.value`, bytes: entry(field(2, text)) }] : [key];
    }
    if (desc.message !== undefined) return inside(desc.message, (bytes) => field(number, bytes));
    return desc.scalar === ScalarType.STRING ? [{ path: name, bytes: field(number, text) }] : [];
  });
}
