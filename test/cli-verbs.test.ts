// The verbs around delivery and the team: ack, receipt, watch, ask, heartbeat, update, against the real server.
import { expect, test } from "vitest";
import { startBench } from "./support/cli-server.js";

test("ack settles what somebody has in flight, through a sequence or one by one, and says what is stale", async () => {
  const { create, write, run, takeUnsettled, socket } = await startBench();
  await create("apollo");
  for (const text of ["1", "2", "3", "4", "5"]) await write("apollo", text);
  const [{ epoch } = { epoch: "" }] = await takeUnsettled("apollo", 4);
  expect(await run("ack", "apollo", "2", "9")).toEqual({
    stdout: "",
    stderr:
      "socketctl: apollo: 1 settled\nsocketctl: stale: sequence 9; not in flight any longer, or not in this epoch\n",
    exitCode: 0,
  });
  expect(await run("ack", "apollo", "--through", "3")).toMatchObject({ stderr: "socketctl: apollo: 2 settled\n" });
  expect(await socket("apollo")).toMatchObject({ queueSize: 2, inFlightCount: 1 });
  expect(await run("ack", "apollo", "4", "--epoch", "other")).toMatchObject({
    stderr: expect.stringMatching(/ 0 settled\n.*stale: sequence 4/),
  });
  expect(await run("ack", "apollo", "4", "--epoch", epoch)).toMatchObject({ stderr: "socketctl: apollo: 1 settled\n" });
});

test("ack --nack gives back and --extend gives more time", async () => {
  const { create, write, run, takeUnsettled } = await startBench();
  await create("apollo");
  for (const text of ["1", "2"]) await write("apollo", text);
  await takeUnsettled("apollo", 2);
  expect(await run("ack", "apollo", "1", "--nack")).toMatchObject({ stderr: "socketctl: apollo: 1 given back\n" });
  expect(await run("ack", "apollo", "2", "--extend", "1ms")).toMatchObject({
    stderr: "socketctl: apollo: 1 extended\n",
  });
  const [again] = await takeUnsettled("apollo", 1);
  expect(again).toMatchObject({ content: "1", deliveryAttempt: 2 });
  const unknown = await run("ack", "nobody", "1");
  expect(unknown).toMatchObject({ exitCode: 4, stderr: expect.stringMatching(/^socketctl: SOCKET_NOT_FOUND: /) });
});

test("receipt prints the message and what became of it at each recipient", async () => {
  const { create, write, run, ok } = await startBench();
  for (const id of ["apollo", "athena", "hermes", "zeus"]) await create(id);
  await run("mark", "hermes", "inactive");
  const id = await write("team-chat-all", "hi", { sender: "zeus" });
  await ok("read", "apollo");
  const [message, headings, ...rows] = (await ok("receipt", id)).trimEnd().split("\n");
  expect(message).toBe("[team-chat-from-zeus] hi");
  expect(headings).toMatch(/^RECIPIENT +STATE +SEQUENCE +ATTEMPT +DELIVERED +DONE$/);
  const time = String.raw`\d{4}-\d\d-\d\dT\S+Z`;
  expect(rows[0]).toMatch(new RegExp(`^apollo +SETTLED +1 +1 +${time} +${time}$`));
  expect(rows[1]).toMatch(/^athena +QUEUED +1$/);
  expect(rows[2]).toMatch(/^hermes +SKIPPED \(SOCKET_INACTIVE\)$/);
  expect(JSON.parse(await ok("receipt", id, "--json"))).toMatchObject({
    message: { content: "hi", message_id: id },
    receipts: [{ socket_id: "apollo", state: "MESSAGE_STATE_SETTLED" }, { socket_id: "athena" }, {}, {}],
  });
  const unknown = await run("receipt", "nothing");
  expect(unknown).toMatchObject({ exitCode: 4, stderr: expect.stringMatching(/^socketctl: MESSAGE_NOT_FOUND: /) });
});

test("watch prints how it is and what changes, and goes on over a restart where it was", async () => {
  const { create, run, start, ok, stop, restart } = await startBench();
  await create("apollo", { model: "claude-3", labels: { team: "red" } });
  const { child, says, result } = start("watch");
  await says("stdout", "SYNCED\n");
  await run("mark", "apollo", "inactive", "--reason", "lunch");
  await says("stdout", "STATE_CHANGED apollo");
  await stop();
  await says("stderr", "watching again in 0.25 s\n");
  await restart();
  await ok("rm", "apollo");
  await says("stdout", "DELETED apollo");
  child.kill("SIGINT");
  const { stdout, exitCode } = await result;
  expect(exitCode).toBe(130);
  const lines = stdout.trimEnd().split("\n");
  expect(lines.map((line) => line.replace(/^\d+ /, ""))).toEqual([
    "SNAPSHOT team-chat-all active broadcast",
    "SNAPSHOT apollo active claude-3 team=red",
    "SYNCED",
    "STATE_CHANGED apollo inactive (CLIENT_LEFT: lunch) claude-3 team=red",
    "DELETED apollo inactive (CLIENT_LEFT: lunch) claude-3 team=red",
  ]);
});

test("watch of one socket after a revision gives its changes only, as JSON", async () => {
  const { create, run, start, client } = await startBench();
  const { revision } = await client.getServerInfo({});
  for (const id of ["apollo", "athena"]) await create(id);
  await run("reset", "apollo");
  const { child, says, result } = start("watch", "apollo", "--after-revision", String(revision), "--json");
  await says("stdout", "WATCH_EVENT_TYPE_RESET");
  child.kill("SIGINT");
  const events = (await result).stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events).toMatchObject([
    { type: "WATCH_EVENT_TYPE_CREATED", socket: { socket_id: "apollo" }, revision: expect.stringMatching(/^\d+$/) },
    { type: "WATCH_EVENT_TYPE_RESET", socket: { socket_id: "apollo", state: "SOCKET_STATE_ACTIVE" } },
  ]);
  const lost = await run("watch", "--after-revision", "999999");
  expect(lost).toMatchObject({ exitCode: 5, stderr: expect.stringMatching(/^socketctl: POSITION_LOST: /) });
});

test("ask prints the replies, says who answered, and exits with 0 when everybody has", async () => {
  const { create, start, write, until } = await startBench();
  for (const id of ["apollo", "athena", "zeus"]) await create(id);
  const agents = ["apollo", "athena"].map((id) => ({ id, ...start("read", id, "--follow", "--json", "--ack") }));
  const asking = start("ask", "What now?", "--sender", "zeus", "--timeout", "20s");
  for (const { id, child, says, result } of agents) {
    await says("stdout", "\n");
    child.kill("SIGINT");
    const { message_id: replyTo, content } = JSON.parse((await result).stdout);
    expect(content).toBe("What now?");
    await write(id, `${id} says yes`, { sender: id, replyTo });
  }
  expect(await asking.result).toEqual({
    stdout: "[team-chat-from-apollo] apollo says yes\n[team-chat-from-athena] athena says yes\n",
    stderr: "socketctl: 2 of 2 answered: apollo, athena\n",
    exitCode: 0,
  });
  await until("apollo", { queueSize: 0 });
});

test("ask tells why the others did not answer, and exits with 6", async () => {
  const { create, run } = await startBench();
  for (const id of ["apollo", "hermes"]) await create(id);
  await run("mark", "hermes", "inactive");
  expect(await run("ask", "Anybody?", "--timeout", "200ms")).toEqual({
    stdout: "",
    stderr: "socketctl: 0 of 2 answered\nsocketctl: no answer: hermes (SKIPPED), apollo (NOT_DELIVERED)\n",
    exitCode: 6,
  });
  const refused = await run("ask", "hermes", "You?");
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^socketctl: SOCKET_INACTIVE: /) });
  const unknown = await run("ask", "nobody", "You?");
  expect(unknown).toMatchObject({ exitCode: 4, stderr: expect.stringMatching(/^socketctl: SOCKET_NOT_FOUND: /) });
});

test("ask that is made again with its request id gets the replies so far; enough of them are enough", async () => {
  const { create, run, write, client } = await startBench();
  for (const id of ["apollo", "athena"]) await create(id);
  await run("ask", "Who?", "--request-id", "q1", "--timeout", "100ms");
  const { messages } = await client.peek({
    socketId: "apollo",
    pageSize: 0,
    pageToken: "",
    parked: false,
    consumer: "",
  });
  await write("apollo", "me", { sender: "apollo", replyTo: messages[0]?.messageId ?? "" });
  const again = await run("ask", "Who?", "--request-id", "q1", "--timeout", "100ms", "--json");
  const steps = again.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(steps).toMatchObject([
    { asked: { duplicate: true } },
    { reply: { content: "me" } },
    { summary: { answered: ["apollo"], missing: [{ socket_id: "athena", reason: "MISSING_REASON_NOT_DELIVERED" }] } },
  ]);
  expect(again).toMatchObject({ exitCode: 6, stderr: "" });
});

test("ask --max-replies exits with 0 when so many have come", async () => {
  const { create, start, until, write, takeUnsettled } = await startBench();
  for (const id of ["apollo", "athena"]) await create(id);
  const asking = start("ask", "First?", "--max-replies", "1", "--timeout", "20s");
  await until("apollo", { queueSize: 1 });
  const [question] = await takeUnsettled("apollo", 1);
  await write("apollo", "me", { sender: "apollo", replyTo: question?.messageId ?? "" });
  expect(await asking.result).toEqual({
    stdout: "[team-chat-from-apollo] me\n",
    stderr: "socketctl: 1 of 2 answered: apollo\nsocketctl: no answer: athena (NOT_DELIVERED)\n",
    exitCode: 0,
  });
});

test("heartbeat renews the lease and tells how the socket is", async () => {
  const { run, ok, write } = await startBench();
  await ok("create", "apollo", "--lease-duration", "1h");
  await write("apollo", "hi");
  expect(await ok("heartbeat", "apollo")).toMatch(/^state: +active\nqueue: +1\nlease expires: +\d{4}-\S+Z\n$/);
  expect(JSON.parse(await ok("heartbeat", "apollo", "--json"))).toMatchObject({
    state: "SOCKET_STATE_ACTIVE",
    queue_size: 1,
  });
  const stale = await run("heartbeat", "apollo", "--epoch", "other");
  expect(stale).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^socketctl: EPOCH_MISMATCH: /) });
});

test("update changes what was given and nothing else", async () => {
  const { run, ok, socket } = await startBench();
  const settings = ["--max-queue-size", "5", "--ack-deadline", "10s", "--accept-when-away"];
  await ok("create", "apollo", "--model", "m1", "--prompt", "p1", "--label", "a=1", ...settings);
  const { etag } = await socket("apollo");
  const changes = ["--prompt", "p2", "--context", '{"k":1}', "--label", "b=2", "--message-ttl", "1h"];
  await ok("update", "apollo", ...changes, "--default", "ack-deadline", "--refuse-when-away", "--etag", etag);
  expect(await socket("apollo")).toMatchObject({
    model: "m1",
    prompt: "p2",
    context: { k: 1 },
    labels: { b: "2" },
    config: { maxQueueSize: 5, messageTtl: { seconds: 3_600n }, ackDeadline: undefined, acceptWhenAway: false },
  });
  const stale = await run("update", "apollo", "--model", "m2", "--etag", etag);
  expect(stale).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^socketctl: ETAG_MISMATCH: /) });
  const broadcast = await run("update", "team-chat-all", "--model", "m2");
  expect(broadcast.stderr).toMatch(/^socketctl: BROADCAST_SOCKET_PROTECTED: /);
});

test("write with the same request id writes once, and create makes one socket", async () => {
  const { ok, run, socket } = await startBench();
  const first = await ok("create", "--model", "m", "--request-id", "c1");
  expect(await ok("create", "--model", "m", "--request-id", "c1")).toBe(first);
  const id = first.trim();
  const args = ["write", id, "hi", "--request-id", "w1", "--print-id"];
  expect(await ok(...args)).toBe(await ok(...args));
  expect(await socket(id)).toMatchObject({ queueSize: 1 });
  const other = await run("write", id, "other", "--request-id", "w1");
  expect(other).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^socketctl: REQUEST_ID_REUSED: /) });
});

test("write waits for a server that restarts", async () => {
  const { create, start, stop, restart, socket } = await startBench();
  await create("apollo");
  await stop();
  const { says, result } = start("write", "apollo", "patience");
  await says("stderr", "writing again in 0.25 s\n");
  await restart();
  expect(await result).toMatchObject({ exitCode: 0 });
  expect(await socket("apollo")).toMatchObject({ queueSize: 1 });
});
