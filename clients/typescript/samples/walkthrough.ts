// section: connect
import { ConflictPolicy, connect, nameOf, RegistryError, WatchEventType } from "@ai-socket-registry/client";

const registry = connect(process.env["SOCKET_REGISTRY_ADDRESS"] ?? "127.0.0.1:50051");
// end: connect

// What an earlier run has left.
for (const id of ["apollo", "athena"]) await registry.socket(id).delete({ allowMissing: true });
await registry.team.drain();

// section: create
const apollo = await registry.create({
  socketId: "apollo",
  model: "claude-3",
  prompt: "You are Apollo",
  context: { role: "predictor" },
  onConflict: ConflictPolicy.CONFLICT_POLICY_USE_EXISTING,
});
const athena = await registry.create({
  socketId: "athena",
  model: "gpt-4",
  prompt: "You are Athena",
  context: { role: "knowledge" },
  onConflict: ConflictPolicy.CONFLICT_POLICY_USE_EXISTING,
});
console.log(`created ${apollo.id} and ${athena.id}`);
// end: create

// section: write
const written = await apollo.write("What's your prediction?", { sender: "me", metadata: { priority: "high" } });
console.log(`delivered to ${written.deliveredCount}`);
// end: write

// section: bulk
const writer = registry.writer({ sender: "me" });
const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index + 1}`);
await Promise.all(lines.map((line) => writer.write("athena", line)));
await writer.close();
// end: bulk
await athena.drain();

// section: drain
for (const { header, content, metadata } of await apollo.drain()) {
  console.log(`${header} ${content} (priority: ${metadata?.["priority"]})`);
}
// end: drain

// section: messages
await apollo.write("job 1", { sender: "me" });
await apollo.write("job 2", { sender: "me" });

for await (const message of apollo.messages()) {
  console.log(`${message.content}, attempt ${message.deliveryAttempt}`);
  // The first attempt fails: the message is given back, and comes again before anything newer.
  if (message.content === "job 1" && message.deliveryAttempt === 1) await message.nack();
  // The last one is settled before the loop is left. Every other is when the body is done with it.
  if (message.content === "job 2") {
    await message.ack();
    break;
  }
}
// end: messages

// section: broadcast
const question = await registry.broadcast("How can we optimize our system?");
console.log(`asked ${question.deliveredCount}`);

await apollo.drain();
await apollo.say("Measure first.");
await athena.drain();
await athena.say("Cache what is asked twice.");
// end: broadcast

// section: feed
for (const { header, content } of await registry.team.drain()) console.log(`${header} ${content}`);
// end: feed

// section: ask
const stop = new AbortController();
const agent = registry.agent("apollo", () => "4", { signal: stop.signal });

for await (const reply of registry.ask("2 + 2?", { socketId: "apollo", sender: "me" })) {
  console.log(`${reply.sender} answered: ${reply.content}`);
}
stop.abort();
await agent;
// end: ask

// section: errors
try {
  await registry.socket("nobody").write("Anybody there?");
} catch (error) {
  if (!(error instanceof RegistryError) || error.reason !== "SOCKET_NOT_FOUND") throw error;
  console.log(`${error.reason}: ${error.metadata["socket_id"]}`);
}
// end: errors

// section: watch
for await (const change of registry.watch({ socketId: "apollo" })) {
  console.log(nameOf(WatchEventType, change.type).toLowerCase());
  if (change.type === WatchEventType.WATCH_EVENT_TYPE_SYNCED) await apollo.delete();
  if (change.type === WatchEventType.WATCH_EVENT_TYPE_DELETED) break;
}
// end: watch

await athena.delete();
await registry.close();
