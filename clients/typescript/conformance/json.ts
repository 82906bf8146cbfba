/** Between the JSON form of protobuf, with the field names of the proto, and the messages that ts-proto generates. */
import { readFileSync } from "node:fs";
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import * as generated from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { RegistryError } from "../src/errors.js";

export type { JsonObject, JsonValue };

const descriptors = readFileSync(new URL("../../../gen/descriptors.binpb", import.meta.url));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));

type Generated = typeof generated;
/** The names of the generated messages, as `WriteRequest`. */
export type Name = {
  [K in keyof Generated]: Generated[K] extends generated.MessageFns<infer _> ? K : never;
}[keyof Generated];
export type MessageOf<N extends Name> = Generated[N] extends generated.MessageFns<infer T> ? T : never;

export function toMessage<N extends Name>(name: N, json: JsonValue): MessageOf<N> {
  const desc = descriptorOf(name);
  return functionsOf(name).decode(toBinary(desc, fromJson(desc, json, { registry })));
}

export function toJsonOf<N extends Name>(name: N, message: MessageOf<N>): JsonObject {
  const bytes = functionsOf(name).encode(message).finish();
  const desc = descriptorOf(name);
  return toJson(desc, fromBinary(desc, bytes), { registry, useProtoFieldName: true }) as JsonObject;
}

function functionsOf<N extends Name>(name: N): generated.MessageFns<MessageOf<N>> {
  // biome-ignore lint/performance/noDynamicNamespaceImportAccess: a driver is not bundled
  return generated[name] as unknown as generated.MessageFns<MessageOf<N>>;
}

function descriptorOf(name: string): DescMessage {
  return registry.getMessage(`socketregistry.v1.${name}`) ?? fail(`no message is called ${name}`);
}

export function fail(text: string): never {
  throw new Error(text);
}

/** A failure as the driver tells it. */
export function errorJson(error: unknown): JsonObject {
  if (error instanceof RegistryError) {
    return { code: status[error.code], reason: error.reason, metadata: { ...error.metadata } };
  }
  console.error(error);
  return { code: "UNKNOWN", reason: "", metadata: {} };
}
