/** A team of agents in as many languages as are ready, each the sample of its client, and a plain client that asks them. */
import { expect, test, vi } from "vitest";
import { connect, type Service } from "./support/client.js";
import { PATIENCE_MS } from "./support/clients-driver.js";
import { type Language, readyLanguages } from "./support/clients-languages.js";
import { runSample } from "./support/clients-sample.js";
import { ServerProcess } from "./support/clients-server.js";

/** The agents by id. A team is at least two. */
const team = new Map<string, Language>(
  readyLanguages.map((language) => [`${language.name.toLowerCase()}-1`, language]),
);
if (team.size === 1) for (const [id, language] of team) team.set(id.replace("-1", "-2"), language);
const ids = [...team.keys()].sort();

test(`a team answers, also after the server was killed: ${ids.join(", ")}`, { timeout: 5 * PATIENCE_MS }, async () => {
  const server = await ServerProcess.start({ durability: "os" });
  const service = connect(server.address);
  const agents = [...team].map(([id, language]) => runSample(language, "agent", server.address, id));
  const died = Promise.race(agents).then(({ exit, stderr }) => expect.unreachable(`an agent ended: ${exit} ${stderr}`));
  await Promise.race([died, untilAtWork(service)]);

  await ask(service, "Who is there?");
  for (const act of ["kill", "start"]) await server.act(act);
  await ask(service, "And now? 🙂");
  for (const act of ["stop", "start"]) await server.act(act);
  await ask(service, "Still?");

  died.catch(() => {});
  for (const socketId of ids) await service.delete({ socketId });
  for (const { exit, stderr } of await Promise.all(agents)) expect(exit, stderr).toBe(0);
  const { sockets } = await service.list();
  expect(sockets.map(({ socketId }) => socketId)).toEqual(["team-chat-all"]);
});

async function untilAtWork(service: Service): Promise<void> {
  const atWork = async () => {
    for (const id of ids) expect((await service.socket(id)).readerCount, id).toBe(1);
  };
  await vi.waitFor(atWork, { timeout: PATIENCE_MS, interval: 100 });
}

/** Everybody answers, each under its own name. */
async function ask(service: Service, message: string): Promise<void> {
  const asking = service.ask({ message, sender: "asker", threadId: "thread", timeout: { seconds: 40n } });
  const { messageId, deliveredCount } = await asking.asked();
  expect(deliveredCount).toBe(ids.length);
  const { replies, summary } = await asking.rest();
  const answers = replies.map(({ sender, header, toHeader, content, replyTo, threadId }) => {
    return { sender, header, toHeader, content, replyTo, threadId };
  });
  const byName = answers.sort((a, b) => (a.sender < b.sender ? -1 : 1));
  const expected = ids.map((id) => ({
    sender: id,
    header: `[team-chat-from-${id}]`,
    toHeader: `[team-chat-to-${id}]`,
    content: `${id} read: ${message}`,
    replyTo: messageId,
    threadId: "thread",
  }));
  expect(byName).toEqual(expected);
  expect([...summary.answered].sort()).toEqual(ids);
  expect(summary.missing).toEqual([]);
}
