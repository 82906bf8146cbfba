/** The walkthrough, which is the README's code: in every language it prints the same, and can be run again. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { startService } from "./support/client.js";
import { PATIENCE_MS } from "./support/clients-driver.js";
import { describeLanguages } from "./support/clients-languages.js";
import { runSample } from "./support/clients-sample.js";

const printed = readFileSync(new URL("../clients/walkthrough.txt", import.meta.url), "utf8");

describeLanguages((language) => {
  test("it prints clients/walkthrough.txt, twice in a row", { timeout: 2 * PATIENCE_MS }, async () => {
    const { server } = await startService();
    for (const _ of ["once", "again"]) {
      const { stdout, stderr, exit } = await runSample(language, "walkthrough", server.address);
      expect(stdout, stderr).toBe(printed);
      expect(exit).toBe(0);
    }
  });
});
