// Any program as an agent: socketctl read --exec and --ack against the real server.
import { expect, test } from "vitest";
import { createGate, startBench } from "./support/cli-server.js";
import { startShell, startSocketctl } from "./support/socketctl.js";

test("--exec runs the command once for each message, with its content and its facts, and settles it", async () => {
  const { create, write, ok, socket } = await startBench();
  await create("apollo");
  const first = await write("apollo", "two\nlines", { sender: "athena", threadId: "t1", replyTo: "m1" });
  await write("apollo", "second");
  const facts = "$SOCKET_ID $MESSAGE_ID [$SENDER] $SEQUENCE [$THREAD_ID] [$REPLY_TO] $DELIVERY_ATTEMPT";
  const printed = await ok("read", "apollo", "--exec", `echo "${facts}"; cat; echo; test -n "$EPOCH"`);
  const [line, ...others] = printed.split("\n");
  expect(line).toBe(`apollo ${first} [athena] 1 [t1] [m1] 1`);
  expect(others.join("\n")).toMatch(/^two\nlines\napollo \S+ \[\] 2 \[\] \[\] 1\nsecond\n$/);
  expect(await socket("apollo")).toMatchObject({ queueSize: 0, inFlightCount: 0 });
});

test("with --json the command gets the message as JSON, and in any case the address of the server", async () => {
  const { create, write, run, address } = await startBench();
  await create("apollo");
  await write("apollo", "hello", { metadata: { priority: 1 } });
  const args = ["--json", "--address", address, "--exec", 'cat; echo "$SOCKET_REGISTRY_ADDRESS"'];
  const { stdout } = await run("read", "apollo", ...args);
  const [json = "", printedAddress] = stdout.split("\n");
  expect(JSON.parse(json)).toMatchObject({ content: "hello", metadata: { priority: 1 }, delivery_attempt: 1 });
  expect(printedAddress).toBe(address);
});

test("a message whose command fails comes again, until the command succeeds", async () => {
  const { create, write, start, until } = await startBench();
  await create("apollo");
  const id = await write("apollo", "hard");
  const command = 'echo "attempt $DELIVERY_ATTEMPT"; exit $((3 - DELIVERY_ATTEMPT))';
  const { child, says, result } = start("read", "apollo", "--follow", "--retry-delay", "0", "--exec", command);
  await says("stdout", "attempt 3\n");
  await until("apollo", { queueSize: 0 });
  child.kill("SIGTERM");
  expect(await result).toEqual({
    stdout: "attempt 1\nattempt 2\nattempt 3\n",
    stderr: [2, 1]
      .map((code) => `socketctl: message ${id}: the command ended with exit code ${code}; given back\n`)
      .join(""),
    exitCode: 143,
  });
});

test("a message whose command always fails is parked; peek shows it and requeue brings it back", async () => {
  const { create, write, run, ok, until } = await startBench();
  await create("apollo", { config: { maxDeliveryAttempts: 2 } });
  for (const text of ["bad", "worse"]) await write("apollo", text);
  const failing = ["read", "apollo", "--retry-delay", "0", "--exec", "cat > /dev/null; false"];
  const { stderr, exitCode } = await run(...failing);
  expect(exitCode).toBe(0);
  expect(stderr.match(/given back/g)).toHaveLength(4);
  await until("apollo", { queueSize: 0, parkedCount: 2 });
  expect(await ok("peek", "apollo")).toBe("");
  expect(await ok("peek", "apollo", "--parked")).toBe("[team-chat-from-apollo] bad\n[team-chat-from-apollo] worse\n");
  expect(await run("requeue", "apollo", "1")).toMatchObject({ stderr: "socketctl: apollo: 1 message waits again\n" });
  expect(await run("requeue", "apollo")).toMatchObject({ stderr: "socketctl: apollo: 1 message waits again\n" });
  expect(await ok("read", "apollo", "--exec", "cat; echo")).toBe("bad\nworse\n");
});

test("a command that a signal ends has failed", async () => {
  const { create, write, run, until } = await startBench();
  await create("apollo");
  await write("apollo", "fatal");
  const { stderr, exitCode } = await run("read", "apollo", "--retry-delay", "1h", "--exec", "kill -9 $$");
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/^socketctl: message \S+: the command was ended by SIGKILL; given back\n$/);
  await until("apollo", { queueSize: 1, inFlightCount: 0 });
});

test("a command that does not read its stdin is in its right", async () => {
  const { create, write, ok, socket } = await startBench();
  await create("apollo");
  await write("apollo", "x".repeat(1_000_000));
  await write("apollo", "y".repeat(1_000_000));
  expect(await ok("read", "apollo", "--exec", 'exec <&-; echo "$SEQUENCE"')).toBe("1\n2\n");
  expect(await socket("apollo")).toMatchObject({ queueSize: 0 });
});

test("a message stays with its command, however long that takes beyond the deadline", async () => {
  const { create, write, ok, client } = await startBench();
  await create("apollo", { config: { ackDeadline: { seconds: 0n, nanos: 300_000_000 } } });
  const messageId = await write("apollo", "slow");
  expect(await ok("read", "apollo", "--exec", 'echo "attempt $DELIVERY_ATTEMPT"; sleep 1.2')).toBe("attempt 1\n");
  const { receipts } = await client.getMessage({ messageId, pageSize: 0, pageToken: "" });
  expect(receipts).toMatchObject([{ socketId: "apollo", state: 3, deliveryAttempt: 1 }]);
});

test("one command runs at a time, and with --max-outstanding as many as that", async () => {
  const { create, write, start, until } = await startBench();
  await create("apollo");
  const gates = [createGate(), createGate(), createGate()];
  for (const { path } of gates) await write("apollo", path);
  const command = 'read -r gate; echo "start $SEQUENCE"; cat "$gate"; echo "end $SEQUENCE"';
  const one = start("read", "apollo", "--follow", "--exec", command);
  await one.says("stdout", "start 1\n");
  await gates[0]?.open();
  await one.says("stdout", "end 1\nstart 2\n");
  one.child.kill("SIGINT");
  await gates[1]?.open();
  expect(await one.result).toMatchObject({ exitCode: 130, stdout: "start 1\nend 1\nstart 2\nend 2\n" });
  await until("apollo", { queueSize: 1 });

  for (const { path } of gates.slice(0, 2)) await write("apollo", path);
  const three = start("read", "apollo", "--follow", "--max-outstanding", "3", "--exec", command);
  for (const sequence of [3, 4, 5]) await three.says("stdout", `start ${sequence}\n`);
  await gates[1]?.open();
  await three.says("stdout", "end 5\n");
  await Promise.all([gates[0]?.open(), gates[2]?.open()]);
  await until("apollo", { queueSize: 0 });
  three.child.kill("SIGINT");
  expect(await three.result).toMatchObject({ exitCode: 130, stderr: "" });
});

test("an interrupt lets the command that runs come to its end, and takes no other message", async () => {
  const { create, write, start, until } = await startBench();
  await create("apollo");
  const gate = createGate();
  for (const text of ["first", "second"]) await write("apollo", text);
  const { child, says, result } = start("read", "apollo", "--follow", "--exec", `cat; echo; cat ${gate.path}`);
  await says("stdout", "first\n");
  child.kill("SIGINT");
  await until("apollo", { readerCount: 0 });
  await gate.open();
  expect(await result).toEqual({ stdout: "first\n", stderr: "", exitCode: 130 });
  await until("apollo", { queueSize: 1, inFlightCount: 0 });
});

test("a second interrupt ends the command with all that it started, and gives the message back", async () => {
  const { create, write, start, until, takeUnsettled } = await startBench();
  await create("apollo");
  await write("apollo", "endless");
  const args = ["--follow", "--retry-delay", "0", "--exec", "echo started; cat /dev/zero > /dev/null; echo ended"];
  const { child, says, result } = start("read", "apollo", ...args);
  await says("stdout", "started\n");
  child.kill("SIGINT");
  await until("apollo", { readerCount: 0 });
  child.kill("SIGINT");
  const { stdout, stderr, exitCode } = await result;
  expect({ stdout, exitCode }).toEqual({ stdout: "started\n", exitCode: 130 });
  expect(stderr).toMatch(/^socketctl: message \S+: the command was ended by SIGTERM; given back\n$/);
  expect(await takeUnsettled("apollo", 1)).toMatchObject([{ content: "endless", deliveryAttempt: 2 }]);
});

test("a command that does not want to end is killed", async () => {
  const { create, write, start, until } = await startBench();
  await create("apollo");
  await write("apollo", "stubborn");
  const command = 'trap "" TERM; echo started; while :; do cat /dev/zero > /dev/null; done';
  const { child, says, result } = start("read", "apollo", "--follow", "--exec", command);
  await says("stdout", "started\n");
  child.kill("SIGTERM");
  await until("apollo", { readerCount: 0 });
  child.kill("SIGTERM");
  const { stderr, exitCode } = await result;
  expect(exitCode).toBe(143);
  expect(stderr).toMatch(/^socketctl: message \S+: the command was ended by SIGKILL; given back\n$/);
});

test("Ctrl-C in a terminal, which goes to all its processes, does not reach the command", async () => {
  const { create, write, address, until } = await startBench();
  await create("apollo");
  const gate = createGate();
  await write("apollo", "work");
  const args = ["read", "apollo", "--follow", "--exec", `echo started; cat ${gate.path}; echo ended`];
  const { child, says, result } = startSocketctl(address, args, true);
  await says("stdout", "started\n");
  process.kill(-(child.pid ?? expect.unreachable("it did not start")), "SIGINT");
  await until("apollo", { readerCount: 0 });
  await gate.open();
  expect(await result).toEqual({ stdout: "started\nended\n", stderr: "", exitCode: 130 });
  await until("apollo", { queueSize: 0 });
});

test("a restart of the server while a command runs neither ends the command nor repeats it", async () => {
  const { create, write, start, until, stop, restart } = await startBench();
  await create("apollo");
  const gate = createGate();
  await write("apollo", gate.path);
  const command = 'read -r gate; echo "start $SEQUENCE"; cat "$gate"; echo "end $SEQUENCE"';
  const { child, says, result } = start("read", "apollo", "--follow", "--exec", command);
  await says("stdout", "start 1\n");
  await stop();
  await gate.open();
  await says("stdout", "end 1\n");
  await says("stderr", "reading again in 0.5 s\n");
  await restart();
  await until("apollo", { queueSize: 0, readerCount: 1 });
  await write("apollo", "/dev/null");
  await until("apollo", { queueSize: 0, tail: expect.objectContaining({ sequence: 2n }) });
  child.kill("SIGINT");
  const { stdout, stderr, exitCode } = await result;
  expect({ stdout, exitCode }).toEqual({ stdout: "start 1\nend 1\nstart 2\nend 2\n", exitCode: 130 });
  expect(stderr).toMatch(/^(socketctl: [A-Z_]+: [^\n]*; reading again in [\d.]+ s\n)+$/);
});

test("a socket that is not there, and one that is deleted meanwhile, end it with 4", async () => {
  const { create, write, run, start } = await startBench();
  const none = await run("read", "nobody", "--exec", "echo never");
  expect(none).toMatchObject({ stdout: "", exitCode: 4 });
  expect(none.stderr).toMatch(/^socketctl: SOCKET_NOT_FOUND: [^\n]*\n$/);
  await create("apollo");
  const gate = createGate();
  await write("apollo", "last");
  const { says, result } = start("read", "apollo", "--follow", "--exec", `cat; echo; cat ${gate.path}`);
  await says("stdout", "last\n");
  await run("rm", "apollo");
  await gate.open();
  const { stderr, exitCode } = await result;
  expect(exitCode).toBe(4);
  expect(stderr).toMatch(/not acknowledged, and will come again: sequence 1; SOCKET_NOT_FOUND[^\n]*\n.*SOCKET_DELETED/);
});

test("read --ack takes what it has printed, all of it without --follow", async () => {
  const { create, write, ok, socket } = await startBench();
  await create("apollo");
  for (const text of ["1", "2", "3"]) await write("apollo", text);
  expect(await ok("read", "apollo", "--ack", "--max-messages", "1")).toBe("[team-chat-from-apollo] 1\n");
  expect(await socket("apollo")).toMatchObject({ queueSize: 2 });
  expect(await ok("read", "apollo", "--ack")).toBe("[team-chat-from-apollo] 2\n[team-chat-from-apollo] 3\n");
  expect(await socket("apollo")).toMatchObject({ queueSize: 0 });
  expect(await ok("read", "apollo", "--ack")).toBe("");
});

test("read --ack --follow acknowledges what arrives, over an interrupt", async () => {
  const { create, write, start, until } = await startBench();
  await create("apollo");
  const { child, says, result } = start("read", "apollo", "--follow", "--max-outstanding", "10");
  for (let turn = 1; turn <= 20; turn += 1) await write("apollo", `message ${turn}`);
  await says("stdout", "message 20\n");
  child.kill("SIGINT");
  expect(await result).toMatchObject({ stderr: "", exitCode: 130 });
  await until("apollo", { queueSize: 0, inFlightCount: 0 });
});

test("what a closed pipe did not want is not lost with --ack", async () => {
  const { create, write, address, socket } = await startBench();
  await create("apollo");
  for (let turn = 0; turn < 20; turn += 1) await write("apollo", "x".repeat(100_000));
  const script = "{ socketctl read apollo --ack; echo code $? >&2; } | head -c 300000 | wc -c";
  const { stdout, stderr } = await startShell(address, script).result;
  expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: "300000", stderr: "code 0\n" });
  expect((await socket("apollo")).queueSize).toBeGreaterThan(14);
});

test("--exclusive takes over from another reader, which ends with 1", async () => {
  const { create, start, until } = await startBench();
  await create("apollo");
  const first = start("read", "apollo", "--follow", "--ack");
  await until("apollo", { readerCount: 1 });
  const second = start("read", "apollo", "--follow", "--exclusive", "--exec", "cat");
  expect((await first.result).stderr).toMatch(/^socketctl: READER_SUPERSEDED: /);
  second.child.kill("SIGINT");
  expect(await second.result).toMatchObject({ exitCode: 130, stderr: "" });
});

test("consumers of the team feed have deliveries of their own", async () => {
  const { create, write, start, run, ok } = await startBench();
  await create("apollo");
  expect(await ok("read", "team-chat-all", "--consumer", "log", "--ack")).toBe("");
  await write("apollo", "said", { sender: "apollo" });
  const failed = await run("read", "team-chat-all", "--consumer", "log", "--retry-delay", "0", "--exec", "false");
  expect(failed.stderr.match(/given back/g)).toHaveLength(10);
  const args = ["team-chat-all", "--consumer", "log"];
  expect(await ok("peek", ...args, "--parked")).toBe("[team-chat-from-apollo] said\n");
  await run("requeue", ...args);
  const { says, result } = start("read", ...args, "--follow", "--max-messages", "1", "--exec", "cat; echo");
  await says("stdout", "said\n");
  expect(await result).toMatchObject({ exitCode: 0 });
});
