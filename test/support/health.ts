import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { service } from "grpc-health-check";
import { expect, onTestFinished } from "vitest";

/** What health says of a service, by the word; rejects for one it does not know. */
export async function healthOf(address: string, name: string): Promise<string> {
  const client = new Client(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  const { path, requestSerialize, responseDeserialize } = service["Check"] ?? expect.unreachable();
  const response = await new Promise<object | undefined>((resolve, reject) => {
    const done = (error: ServiceError | null, answer?: object): void =>
      error === null ? resolve(answer) : reject(error);
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: name }, done);
  });
  return (response as { readonly status: string } | undefined)?.status ?? "";
}
