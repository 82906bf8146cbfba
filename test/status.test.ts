import { EventEmitter, once } from "node:events";
import { Metadata, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { BadRequest, ErrorInfo } from "../gen/ts/google/rpc/error_details.js";
import { Status } from "../gen/ts/google/rpc/status.js";
import { invalidField, type Reason, RegistryError, storageUnavailable } from "../src/registry/errors.js";
import { callCancelled, statusMessage, statusOf } from "../src/rpc/status.js";

function createLog() {
  const logged: object[] = [];
  return { logged, error: (details: object) => void logged.push(details) };
}

function decoded(error: unknown) {
  const { metadata } = statusOf(error, createLog());
  const [encoded] = (metadata ?? new Metadata()).get("grpc-status-details-bin");
  return Status.decode(encoded as Buffer);
}

const table: [Reason, status][] = [
  ["SOCKET_NOT_FOUND", status.NOT_FOUND],
  ["SOCKET_DELETED", status.NOT_FOUND],
  ["SOCKET_EXISTS", status.ALREADY_EXISTS],
  ["INVALID_SOCKET_ID", status.INVALID_ARGUMENT],
  ["SOCKET_INACTIVE", status.FAILED_PRECONDITION],
  ["ETAG_MISMATCH", status.ABORTED],
  ["QUEUE_FULL", status.RESOURCE_EXHAUSTED],
  ["POSITION_LOST", status.OUT_OF_RANGE],
  ["SHUTTING_DOWN", status.UNAVAILABLE],
  ["NOT_IMPLEMENTED", status.UNIMPLEMENTED],
];

test.each(table)("the reason %s has the code of the contract", (reason, code) => {
  expect(statusOf(new RegistryError(reason, "a text"), createLog())).toMatchObject({ code, details: "a text" });
});

test("the details hold code, text, and an ErrorInfo with domain, reason and values", () => {
  const error = new RegistryError("QUEUE_FULL", "the queue is full", { socket_id: "x", limit: "10" });
  const { code, message, details } = decoded(error);
  expect({ code, message }).toEqual({ code: status.RESOURCE_EXHAUSTED, message: "the queue is full" });
  expect(details.map(({ typeUrl }) => typeUrl)).toEqual(["type.googleapis.com/google.rpc.ErrorInfo"]);
  expect(ErrorInfo.decode(details[0]?.value ?? Buffer.alloc(0))).toEqual({
    domain: "socketregistry.v1",
    reason: "QUEUE_FULL",
    metadata: { socket_id: "x", limit: "10" },
  });
});

test("the error of a field adds a BadRequest that names it", () => {
  const { details } = decoded(invalidField("page_size", "must be at most 1000"));
  expect(details.map(({ typeUrl }) => typeUrl)).toEqual([
    "type.googleapis.com/google.rpc.ErrorInfo",
    "type.googleapis.com/google.rpc.BadRequest",
  ]);
  expect(BadRequest.decode(details[1]?.value ?? Buffer.alloc(0)).fieldViolations).toMatchObject([
    { field: "page_size", description: "page_size must be at most 1000", reason: "INVALID_FIELD" },
  ]);
});

test("an unknown error is INTERNAL with a bland text, and all of it is in the log", () => {
  const log = createLog();
  const defect = new TypeError("secret");
  const message = statusMessage(defect, log);
  expect(message.code).toBe(status.INTERNAL);
  expect(JSON.stringify(message)).not.toContain("secret");
  expect(ErrorInfo.decode(message.details[0]?.value ?? Buffer.alloc(0)).reason).toBe("INTERNAL");
  expect(log.logged).toEqual([{ err: defect }]);
  expect(statusOf("not even an error", log).code).toBe(status.INTERNAL);
});

test("the cause of a registry error stays in the server", () => {
  const log = createLog();
  const { details } = statusMessage(storageUnavailable(new Error("secret")), log);
  expect(details.some(({ value }) => value.includes("secret"))).toBe(false);
  expect(log.logged).toEqual([]);
});

test("cancellation is CANCELLED, and no defect", () => {
  const log = createLog();
  expect(statusOf(callCancelled, log)).toMatchObject({ code: status.CANCELLED });
  expect(statusOf(AbortSignal.abort().reason, log)).toMatchObject({ code: status.CANCELLED });
  expect(log.logged).toEqual([]);
});

test("an abort that Node reports in its own error keeps the reason it was given", async () => {
  const reason = new RegistryError("SHUTTING_DOWN", "the server is shutting down");
  const aborted = AbortSignal.abort(reason);
  const error = await once(new EventEmitter(), "never", { signal: aborted }).catch((caught) => caught);
  expect(error).not.toBe(reason);
  expect(statusOf(error, createLog())).toMatchObject({ code: status.UNAVAILABLE });
  expect(ErrorInfo.decode(decoded(error).details[0]?.value ?? Buffer.alloc(0)).reason).toBe("SHUTTING_DOWN");
});

test("what a client sent cannot make the trailers too large or impossible to encode", () => {
  const id = "\u{1f600}".repeat(300);
  const error = new RegistryError("INVALID_SOCKET_ID", `${id.slice(0, 9)} is no id ${id}`, { socket_id: id });
  const { details, metadata } = statusOf(error, createLog());
  expect(() => encodeURI(details ?? "")).not.toThrow();
  expect(details?.length).toBeLessThanOrEqual(256);
  const [encoded] = (metadata ?? new Metadata()).get("grpc-status-details-bin");
  expect(encoded?.length).toBeLessThan(4_000);
});
