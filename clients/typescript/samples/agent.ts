// section: agent
import { connect } from "@ai-socket-registry/client";

const [id = "apollo"] = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());

const registry = connect(process.env["SOCKET_REGISTRY_ADDRESS"] ?? "127.0.0.1:50051");
// Where this one answers with what it read, yours asks its model.
await registry.agent(id, ({ content }) => `${id} read: ${content}`, { signal: stop.signal });
await registry.close();
// end: agent
