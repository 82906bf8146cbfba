/** What every client has to do, in every language that is ready: the scenarios of clients/conformance. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Driver, type Json, type JsonObject, PATIENCE_MS } from "./support/clients-driver.js";
import { describeLanguages, type Language, tellSkipped } from "./support/clients-languages.js";
import { allSteps, Run, readThemes, type Scenario, variantsOf } from "./support/clients-scenario.js";
import { SharedServer, startHost } from "./support/clients-server.js";
import { knownReasons } from "./support/reasons.js";

const themes = readThemes();
const timeout = 3 * PATIENCE_MS;
let shared: SharedServer;

beforeAll(async () => {
  tellSkipped();
  shared = await SharedServer.start();
});
afterAll(() => shared.stop());

describeLanguages((language) => {
  // Most scenarios share a driver: some languages take long to start. One that failed leaves it in an unknown state.
  let driver: Driver | undefined;

  /** On the server that all share, which is empty. */
  async function runShared({ steps }: Scenario, given: JsonObject): Promise<void> {
    await shared.clear();
    driver ??= await Driver.start(language, shared.address);
    const run = new Run(language, shared, driver);
    try {
      await run.steps(steps, namesOf(given));
      await run.driver.cancelAll();
      driver = run.driver;
    } catch (error) {
      driver = undefined;
      await run.driver.kill();
      throw error;
    }
  }

  describe.each(themes)("$theme", ({ scenarios }) => {
    for (const scenario of scenarios) {
      const isFor = scenario.layer === undefined || scenario.layer === language.hasLayer;
      if (!isFor) continue;
      const isApart = scenario.server !== undefined || scenario.environment !== undefined;
      for (const { title, given } of variantsOf(scenario)) {
        test(title, { timeout }, () => (isApart ? runApart(language, scenario, given) : runShared(scenario, given)));
      }
    }
  });

  test("ends with 0 when its standard input does, whatever is under way", { timeout }, async () => {
    await shared.clear();
    driver ??= await Driver.start(language, shared.address);
    expect(await driver.call("create", { socket_id: "idle" })).toHaveProperty("result");
    driver.begin("read", { socket_id: "idle" });
    driver.begin("messages", { socket_id: "idle", count: 1 });
    driver.begin("agent", { socket_id: "busy", answer: "yes" });
    driver.begin("ask", { socket_id: "idle", message: "?" });
    const ending = driver;
    driver = undefined;
    expect(await ending.close()).toBe(0);
  });

  afterAll(async () => {
    await driver?.kill();
  });
});

/** On a server, or with a driver, of its own. */
async function runApart(language: Language, scenario: Scenario, given: JsonObject): Promise<void> {
  const { server, environment, steps } = scenario;
  const host = server === undefined ? shared : await startHost(server);
  if (server === undefined) await shared.clear();
  const run = new Run(language, host, await Driver.start(language, host.address, environment), environment);
  onTestFinished(() => run.driver.kill());
  await run.steps(steps, namesOf(given));
}

/** What is named before the first step. A server that is shared remembers the request ids of other languages' runs. */
function namesOf(given: JsonObject): Map<string, Json> {
  return new Map<string, Json>([...Object.entries(given), ["unique", randomUUID()]]);
}

test("there is a scenario for every reason that the registry knows", () => {
  const told = allSteps(themes.flatMap(({ scenarios }) => scenarios.flatMap(({ steps }) => steps)));
  const produced = new Set(told.map(({ error }) => (error as { reason?: string } | undefined)?.reason));
  expect([...knownReasons(), "INTERNAL"].filter((reason) => !produced.has(reason))).toEqual([]);
});
