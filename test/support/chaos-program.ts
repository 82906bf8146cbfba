/** What a worker and a writer of the chaos test have in common: their task, a client, and how long they go on. */
import { type ClientUnaryCall, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { SocketRegistryClient } from "../../gen/ts/socketregistry/v1/socket_registry.js";

/** What it is to do. */
export interface WorkerDuty {
  readonly name: string;
  readonly socketId: string;
  readonly maxOutstanding: number;
  /** Whether nobody else reads the socket and it takes one message at a time, so that it works in order. */
  readonly isInOrder: boolean;
  readonly ackDeadlineMs: number;
}

export interface WriterDuty {
  readonly name: string;
  readonly socketIds: readonly string[];
  readonly team: string;
}

/** What differs from one process of a name to the next. */
export interface Life {
  readonly life: number;
  readonly seed: number;
  readonly address: string;
  readonly journal: string;
}

/** It is told in JSON, in its only argument. */
export const readTask = <Duty>(): Duty & Life => JSON.parse(process.argv[2] ?? "");

/** It comes back to a server that was restarted as soon as that is there. */
export const connectTo = (address: string): SocketRegistryClient =>
  new SocketRegistryClient(address, credentials.createInsecure(), {
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 200,
  });

/** A call waits for a server that is not there, instead of failing over and over. */
export const patient = (): Metadata => new Metadata({ waitForReady: true });

/** One call. It rejects with grpc-js's error. */
export function unary<T>(call: (done: (error: ServiceError | null, response: T) => void) => ClientUnaryCall) {
  return new Promise<T>((resolve, reject) => {
    call((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

/** Whether the server is gone or the answer got lost, which is what is to be expected here. Else it is a fault. */
export function isLost(error: unknown): boolean {
  const { code } = error as ServiceError;
  return [status.UNAVAILABLE, status.CANCELLED, status.DEADLINE_EXCEEDED].includes(code);
}

/** The parent's only message is that it is time to end. */
export function onStop(stop: () => void): void {
  process.once("message", stop);
  // Nothing of this test is left when the parent is gone.
  process.once("disconnect", () => process.exit(1));
}
