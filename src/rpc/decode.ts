/**
 * Strict decoding of requests: what is not a valid message is refused with a reason, never repaired in silence.
 *
 * What remains lenient, because protobuf wants it so: an unknown field is dropped, and so is a known field with the
 * wire type of another kind.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { Struct } from "../../gen/ts/google/protobuf/struct.js";
import { invalidField, type Reason, RegistryError } from "../registry/errors.js";

/** A google.protobuf.Struct as ts-proto gives it; undefined when the field is absent. */
export type StructValue = { [key: string]: unknown } | undefined;

/**
 * How deep messages may be nested in a request. Only a Struct can come that far; 30 levels of it are 91 messages.
 * Lower than ts-proto's own limit of 100, so that ours speaks first.
 */
const maxNestedMessages = 95;

/**
 * How many messages may be nested in a request in all, which are 20 times the bytes once they are objects. A Struct of
 * 4 MiB, the most that a setting allows, cannot have more.
 */
const maxMessages = 1_500_000;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decodeUtf8 = (bytes: Uint8Array) => utf8.decode(bytes);

/**
 * A request deserializer for grpc-js that never throws: grpc-js would answer INTERNAL without a reason. It gives the
 * message, or the error (INVALID_FIELD, CONTEXT_TOO_DEEP) as its value, which the call adapter answers with.
 *
 * @param name the message's name in the proto, for the error's text
 * @param decode the message's generated decode function
 */
export function strict<T>(name: string, decode: (reader: BinaryReader) => T): (bytes: Buffer) => T | RegistryError {
  return (bytes) => {
    try {
      const reader = new StrictReader(bytes);
      const message = decode(reader);
      reader.assertFinished();
      // A search through the bytes costs next to nothing; a request that has the name in a text is decoded once more.
      if (bytes.includes("__proto__")) {
        assertNoProtoKey(bytes, decode, message);
      }
      return message;
    } catch (error) {
      return error instanceof RegistryError ? error : malformed(name, error);
    }
  };
}

/** What was decoded. @throws the error, when that is what decoding gave */
export function admitted<T>(decoded: T | RegistryError): T {
  if (decoded instanceof RegistryError) throw decoded;
  return decoded;
}

/** The same as `strict` for what is not decoded as a whole: what `read` throws says that it is no such message. */
export function lenient<T>(name: string, read: (bytes: Buffer) => T): (bytes: Buffer) => T | RegistryError {
  return (bytes) => {
    try {
      return read(bytes);
    } catch (error) {
      return malformed(name, error);
    }
  };
}

/**
 * The messages in field 1 of a message that has no other, still encoded: the writes of a WriteStreamRequest, or the files
 * of a FileDescriptorSet. @throws Error when it is no such message
 */
export function entriesIn(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1 && type === WireType.LengthDelimited) {
      const length = reader.uint32();
      const start = reader.pos;
      reader.pos += length;
      if (reader.pos > reader.len) throw new RangeError("an entry is longer than what holds it");
      entries.push(bytes.subarray(start, reader.pos));
    } else {
      reader.skip(type, field);
    }
  }
  return entries;
}

function malformed(name: string, error: unknown): RegistryError {
  const why = error instanceof Error ? error.message : String(error);
  return new RegistryError("INVALID_FIELD", `the request is not a valid ${name}: ${why}`, {}, { cause: error });
}

/**
 * A reader that refuses invalid UTF-8 and sees that every message ends where its length says.
 *
 * The generated decoders end at a zero or end-group tag without a word, wherever that is, and let a message reach
 * beyond the one that holds it. They tell the reader their depth as they come and go, through a property meant for
 * their own recursion limit. test/decode.test.ts fails should a new ts-proto no longer do so. One stray tag is not
 * seen: the last of its message, after which nothing can be lost.
 */
class StrictReader extends BinaryReader {
  /** Where the open messages end, the outermost first. */
  readonly #ends: number[] = [];
  readonly #bytes: Uint8Array;
  #count = 0;
  #failure: Error | undefined;

  constructor(bytes: Uint8Array) {
    super(bytes, decodeUtf8);
    this.#bytes = bytes;
  }

  get __tsProtoDecodeDepth(): number {
    return this.#ends.length;
  }

  set __tsProtoDecodeDepth(depth: number) {
    if (depth > this.#ends.length) {
      this.#enter();
    } else {
      this.#leave();
    }
  }

  /** Throws unless all bytes were read. */
  assertFinished(): void {
    if (this.pos !== this.len) {
      throw new Error(`it was read up to byte ${this.pos} of ${this.len}`);
    }
  }

  #enter(): void {
    const outer = this.#ends.at(-1);
    const end = outer === undefined ? this.len : this.pos + this.#lengthJustRead();
    if (outer !== undefined && end > outer) {
      this.#fail(new Error(`the message at byte ${this.pos} is longer than the one that holds it`));
    }
    if (this.#ends.length >= maxNestedMessages) {
      const text = "the request is nested too deep: a Struct may have 30 levels";
      this.#fail(new RegistryError("CONTEXT_TOO_DEEP", text, { limit: "30" }));
    }
    if (++this.#count > maxMessages) {
      this.#fail(new Error(`it has more than ${maxMessages} parts`));
    }
    this.#ends.push(end);
  }

  /** Runs in the decoders' `finally`, where throwing replaces the error under way: so the first one is kept. */
  #leave(): void {
    const end = this.#ends.pop();
    if (this.pos !== end) {
      this.#fail(this.#failure ?? new Error(`the message that ends at byte ${end} was read up to byte ${this.pos}`));
    }
  }

  #fail(error: Error): never {
    this.#failure = error;
    throw error;
  }

  /** The varint that ends at `pos`. Only the last byte of a varint has no high bit, so its start can be found. */
  #lengthJustRead(): number {
    const end = this.pos;
    let start = end - 1;
    while (start > 0 && (this.#bytes[start - 1] ?? 0) >= 0x80) {
      start -= 1;
    }
    this.pos = start;
    const length = this.uint32();
    this.pos = end;
    return length;
  }
}

/**
 * Refuses a map key `__proto__`. The generated decoders lose it, since assigning to that name in an object sets no
 * property, so it can only be seen by counting: it was read more often than it is there.
 */
function assertNoProtoKey<T>(bytes: Buffer, decode: (reader: BinaryReader) => T, message: T): void {
  let count = 0;
  const reader = new BinaryReader(bytes, decodeUtf8);
  reader.string = function (): string {
    const text = BinaryReader.prototype.string.call(this);
    count += text === "__proto__" ? 1 : 0;
    return text;
  };
  decode(reader);
  if (count > countProtoTexts(message)) {
    throw new Error("a key must not be named __proto__");
  }
}

function countProtoTexts(value: unknown): number {
  if (typeof value !== "object" || value === null) {
    return value === "__proto__" ? 1 : 0;
  }
  return Object.values(value).reduce<number>((count, item) => count + countProtoTexts(item), 0);
}

/** Refuses an enum value that this server does not know (it arrives as a bare number): INVALID_FIELD. */
export function checkEnum<T extends number>(field: string, value: T, known: Readonly<Record<string, T>>): T {
  // ts-proto lists -1 as UNRECOGNIZED, which is no value of the enum.
  if (value < 0 || !Object.values(known).includes(value)) {
    throw invalidField(field, `must not be ${value}, which is no value of its enum`);
  }
  return value;
}

/** What a Struct may be. `tooLarge` is the reason for one of more bytes. */
export interface StructLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly tooLarge: Extract<Reason, "INVALID_FIELD" | "MESSAGE_TOO_LARGE">;
}

/**
 * A Struct's encoding, or undefined when it is absent. Throws CONTEXT_TOO_DEEP, or the reason for too many bytes, with
 * the field and the limit.
 */
export function checkStruct(field: string, value: StructValue, limits: StructLimits): Uint8Array | undefined {
  if (value === undefined) {
    return undefined;
  }
  const { maxBytes, maxDepth, tooLarge } = limits;
  if (structDepth(value) > maxDepth) {
    const text = `${field} must not have more than ${maxDepth} levels`;
    throw new RegistryError("CONTEXT_TOO_DEEP", text, { field, limit: String(maxDepth) });
  }
  const bytes = Struct.encode(Struct.wrap(value)).finish();
  if (bytes.length > maxBytes) {
    const text = `${field} has ${bytes.length} bytes and may have ${maxBytes}`;
    throw new RegistryError(tooLarge, text, { field, limit: String(maxBytes), size: String(bytes.length) });
  }
  return bytes;
}

/** How many objects and arrays are nested in one another: 1 for `{}`, 2 for `{ a: [] }`, 0 for anything else. */
export function structDepth(value: unknown): number {
  if (typeof value !== "object" || value === null) {
    return 0;
  }
  let deepest = 0;
  for (const item of Object.values(value)) {
    deepest = Math.max(deepest, structDepth(item));
  }
  return deepest + 1;
}
