/** The few messages of etcd's that the bench needs, written by hand. */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { framed } from "./messages.js";

export const PUT = "/etcdserverpb.KV/Put";
export const WATCH = "/etcdserverpb.Watch/Watch";

/** The tags of what is read: WatchResponse.events, Event.kv, KeyValue.value. Their types are all the same. */
const [EVENTS, KEY_VALUE, VALUE] = [11, 2, 5];
const LENGTH_DELIMITED = 2;

/** PutRequest: a key and a value. */
export const putBody = (key: string, value: string): Buffer =>
  framed(new BinaryWriter().uint32(10).string(key).uint32(18).string(value).finish());

/** WatchRequest: create_request with a key. */
export const watchKeyBody = (key: string): Buffer =>
  framed(new BinaryWriter().uint32(10).fork().uint32(10).string(key).join().finish());

/** The values of the events in an encoded WatchResponse. */
export function valuesOf(response: Uint8Array): string[] {
  return fieldsOf(response, EVENTS)
    .flatMap((event) => fieldsOf(event, KEY_VALUE))
    .flatMap((keyValue) => fieldsOf(keyValue, VALUE))
    .map((value) => Buffer.from(value).toString());
}

/** Every field of this number that is bytes or a message. */
function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted && type === LENGTH_DELIMITED) found.push(reader.bytes());
    else reader.skip(type);
  }
  return found;
}
