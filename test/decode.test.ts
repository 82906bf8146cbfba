import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  AckMode,
  CreateRequest,
  GetSocketInfoRequest,
  ReadRequest,
  WriteRequest,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { RegistryError } from "../src/registry/errors.js";
import { checkEnum, checkStruct, strict, structDepth } from "../src/rpc/decode.js";

const decodeCreate = strict("CreateRequest", CreateRequest.decode);
const decodeRead = strict("ReadRequest", ReadRequest.decode);
const decodeWrite = strict("WriteRequest", WriteRequest.decode);

const create = CreateRequest.fromPartial({
  model: "claude",
  prompt: "Sei präzise. \u{feff}🙂",
  context: { list: [1, { deep: [true, null] }], text: "🙂" },
  labels: { team: "a", role: "b" },
  config: { maxQueueSize: 5, leaseDuration: { seconds: 3n } },
  onConflict: 2,
});
const encodedCreate = Buffer.from(CreateRequest.encode(create).finish());

function reasonOf(value: unknown): string {
  return value instanceof RegistryError ? value.reason : "none";
}

function bytes(write: (writer: BinaryWriter) => BinaryWriter): Buffer {
  return Buffer.from(write(new BinaryWriter()).finish());
}

function nested(levels: number): { [key: string]: unknown } {
  return levels === 1 ? {} : { a: nested(levels - 1) };
}

test("a valid request is what the generated decoder says, a leading byte-order mark included", () => {
  expect(decodeCreate(encodedCreate)).toEqual(create);
  expect(decodeCreate(Buffer.alloc(0))).toEqual(CreateRequest.fromPartial({}));
});

test("unknown fields are dropped, whatever their kind", () => {
  const unknown = bytes((writer) => {
    writer.tag(1_000, WireType.LengthDelimited).string("from the future");
    writer.tag(1_001, WireType.StartGroup).tag(1, WireType.Varint).uint32(7).tag(1_001, WireType.EndGroup);
    return writer.tag(1_002, WireType.Bit64).fixed64(7n);
  });
  expect(decodeCreate(Buffer.concat([encodedCreate, unknown]))).toEqual(create);
});

const position = (inner: Buffer) => bytes((writer) => writer.tag(6, WireType.LengthDelimited).bytes(inner));
const malformed: [string, Buffer][] = [
  ["invalid UTF-8", Buffer.from([0x0a, 0x02, 0xc3, 0x28])],
  ["a lone surrogate in UTF-8", Buffer.from([0x0a, 0x03, 0xed, 0xa0, 0x80])],
  ["invalid UTF-8 in a long text", bytes((writer) => writer.tag(1, 2).bytes(Buffer.alloc(100, 0xff)))],
  ["a text that is cut off", Buffer.from([0x0a, 0x05, 0x61])],
  ["a tag without a value", Buffer.from([0x0a])],
  ["a varint without an end", Buffer.from([0x10, 0xff])],
  ["a wire type that does not exist", Buffer.from([0x0f, 0x01])],
  ["a zero tag", Buffer.from([0x0a, 0x01, 0x61, 0x00, 0x0a, 0x01, 0x62])],
  ["a stray end of a group", Buffer.from([0x0c, 0x0a, 0x01, 0x61])],
  ["a group without an end", Buffer.from([0x93, 0x7d])],
  ["a zero tag in a nested message", position(Buffer.from([0x00, 0x12, 0x01, 0x61]))],
  ["a stray end of a group in a nested message", position(Buffer.from([0x0c, 0x12, 0x01, 0x61]))],
  ["a text that leaves its nested message", Buffer.from([0x32, 0x02, 0x0a, 0x03, 0x61, 0x62, 0x63])],
  ["a nested message that is cut off", Buffer.from([0x32, 0x7f, 0x0a, 0x01, 0x61])],
];

test.each(malformed)("%s is refused as an invalid field", (_, request) => {
  const refused = decodeRead(request);
  expect(reasonOf(refused)).toBe("INVALID_FIELD");
  expect((refused as RegistryError).message).toMatch(/^the request is not a valid ReadRequest: ./);
});

test("a nested message that is longer than the one that holds it is refused", () => {
  // context holds an entry that claims one byte more than the context has; that byte belongs to the next field.
  const request = Buffer.from([0x1a, 0x02, 0x0a, 0x02, 0x12, 0x00]);
  expect(reasonOf(decodeCreate(request))).toBe("INVALID_FIELD");
});

test("every prefix of a request is refused or ends between two fields", () => {
  for (let length = 0; length < encodedCreate.length; length += 1) {
    const decoded = decodeCreate(encodedCreate.subarray(0, length));
    if (!(decoded instanceof RegistryError)) {
      const encoded = Buffer.from(CreateRequest.encode(decoded).finish());
      expect(encoded.length).toBe(length);
    }
  }
});

test("no bytes make the decoder throw", () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.nat(encodedCreate.length - 1), fc.nat(255)).map(([index, value]) => {
      const changed = Buffer.from(encodedCreate);
      changed[index] = value;
      return changed;
    }),
  );
  fc.assert(
    fc.property(anything, (request) => {
      for (const decode of [decodeCreate, decodeRead, decodeWrite]) {
        const decoded = decode(Buffer.from(request));
        expect(["none", "INVALID_FIELD", "CONTEXT_TOO_DEEP"]).toContain(reasonOf(decoded));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a context of 30 levels is decoded, and one past the decoder's reach is too deep, not malformed", () => {
  const request = (levels: number) =>
    Buffer.from(CreateRequest.encode(CreateRequest.fromPartial({ context: nested(levels) })).finish());
  expect(reasonOf(decodeCreate(request(30)))).toBe("none");
  expect(reasonOf(decodeCreate(request(40)))).toBe("CONTEXT_TOO_DEEP");
  expect(reasonOf(decodeCreate(request(500)))).toBe("CONTEXT_TOO_DEEP");
});

test("deeply nested unknown groups are malformed", () => {
  const request = bytes((writer) => {
    for (let depth = 0; depth < 10_000; depth += 1) {
      writer.tag(1_000, WireType.StartGroup);
    }
    return writer;
  });
  expect(reasonOf(decodeCreate(request))).toBe("INVALID_FIELD");
});

const protoKey = { key: "__proto__", value: "x" };
const hidden: [string, Buffer][] = [
  [
    "in a label",
    bytes((writer) => writer.tag(5, 2).fork().tag(1, 2).string(protoKey.key).tag(2, 2).string(protoKey.value).join()),
  ],
  [
    "in a context, with an object",
    bytes((writer) => {
      // context { fields { key: "__proto__" value { struct_value {} } } }
      writer.tag(3, 2).fork().tag(1, 2).fork().tag(1, 2).string(protoKey.key);
      return writer.tag(2, 2).fork().tag(5, 2).bytes(Buffer.alloc(0)).join().join().join();
    }),
  ],
];

test.each(hidden)("a key named __proto__ %s is refused, since it would vanish", (_, request) => {
  const refused = decodeCreate(request);
  expect(reasonOf(refused)).toBe("INVALID_FIELD");
  expect((refused as RegistryError).message).toContain("__proto__");
});

test("the text __proto__ is as good as any other", () => {
  const message = "const o = {\n\t__proto__: null };";
  const write = WriteRequest.fromPartial({ socketId: "__proto__", message, metadata: { a: ["__proto__"] } });
  expect(decodeWrite(Buffer.from(WriteRequest.encode(write).finish()))).toEqual(write);
});

test("an enum value that does not exist is refused with its field", () => {
  expect(checkEnum("ack_mode", AckMode.ACK_MODE_NONE, AckMode)).toBe(AckMode.ACK_MODE_NONE);
  expect(checkEnum("ack_mode", AckMode.ACK_MODE_UNSPECIFIED, AckMode)).toBe(0);
  for (const value of [99, -1] as AckMode[]) {
    expect(() => checkEnum("ack_mode", value, AckMode)).toThrow(
      expect.objectContaining({ reason: "INVALID_FIELD", metadata: { field: "ack_mode" } }),
    );
  }
});

test("the depth of a Struct counts objects and arrays", () => {
  expect([1, "a", null, {}, { a: [] }, { a: [1, {}], b: {} }, nested(30)].map(structDepth)).toEqual([
    0, 0, 0, 1, 2, 3, 30,
  ]);
});

test("a Struct at its limits is encoded, and one past either is refused with field and limit", () => {
  const limits = { maxBytes: 1_000, maxDepth: 30, tooLarge: "MESSAGE_TOO_LARGE" } as const;
  expect(checkStruct("metadata", undefined, limits)).toBeUndefined();
  const [value] = [{ a: "b", list: [1] }];
  const encoded = checkStruct("metadata", value, limits);
  const asField = bytes((writer) => writer.tag(3, 2).bytes(encoded ?? Buffer.alloc(0)));
  expect(decodeWrite(asField)).toMatchObject({ metadata: value });
  expect(checkStruct("metadata", value, { ...limits, maxBytes: encoded?.length ?? 0 })).toEqual(encoded);
  expect(checkStruct("context", nested(30), limits)).toBeInstanceOf(Uint8Array);
  expect(() => checkStruct("context", nested(31), limits)).toThrow(
    expect.objectContaining({ reason: "CONTEXT_TOO_DEEP", metadata: { field: "context", limit: "30" } }),
  );
  expect(() => checkStruct("metadata", value, { ...limits, maxBytes: (encoded?.length ?? 0) - 1 })).toThrow(
    expect.objectContaining({
      reason: "MESSAGE_TOO_LARGE",
      metadata: expect.objectContaining({ field: "metadata" }),
    }),
  );
});

test("requests without nested messages are checked as well", () => {
  const decode = strict("GetSocketInfoRequest", GetSocketInfoRequest.decode);
  expect(decode(Buffer.from([0x0a, 0x01, 0x61]))).toEqual({ socketId: "a" });
  expect(reasonOf(decode(Buffer.from([0x0a, 0x01, 0x61, 0x00, 0x00])))).toBe("INVALID_FIELD");
});
