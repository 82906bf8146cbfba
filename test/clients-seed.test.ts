/** The Python original's document: every example in it runs as written, but for the import line. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeLanguage, languageOf } from "./support/clients-languages.js";
import { root } from "./support/process.js";
import { runCommand } from "./support/run-command.js";
import { startTestServer } from "./support/server.js";

describeLanguage(languageOf("Python"), () => {
  test("every example of the original's document runs, also over a restart of the server", async () => {
    const server = await startTestServer();
    const before = await examples("before", server.address);
    await server.stop();
    const again = await startTestServer({ dataDir: server.dataDir });
    const after = await examples("after", again.address);
    await again.stop();
    expect(before.exitCode, before.output).toBe(0);
    expect(after.exitCode, after.output).toBe(0);
  }, 60_000);
});

function examples(phase: string, address: string) {
  const script = join(root, "clients/python/tests/seed_examples.py");
  const env = { ...process.env, SOCKET_REGISTRY_ADDRESS: address };
  return runCommand(join(root, ".tools/python/bin/python"), [script, phase], { env });
}
