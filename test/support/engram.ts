/** An Engram of a test's own: the real service, in this process, on real HTTP and a real LevelDB, that can misbehave. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Config, configWith } from "../../src/engram/config.js";
import type { Fault } from "../../src/engram/faults.js";
import type { PersonalityName } from "../../src/engram/route.js";
import { type RunningEngram, startEngram } from "../../src/engram/server.js";
import { createLog } from "../../src/log.js";
import { tempDir } from "./temp-dir.js";

export interface TestEngramOptions {
  /** What it is, also after a restart. `kv` unless it says otherwise. */
  readonly personality?: PersonalityName;
  /** What callers must show. Nobody is asked unless it is given. */
  readonly token?: string;
  /** Where it keeps what is stored. A folder that is gone after the test unless it is given. */
  readonly dataDir?: string;
  /** The port, a free one unless it is given. */
  readonly port?: number;
}

/** What was asked of it since the start, the last restart or the last reset. */
export interface EngramStats {
  readonly requests: { readonly total: number; readonly byRoute: Readonly<Record<string, number>> };
  readonly bytesReceived: number;
}

/** Starts an Engram that has ended when the test has. */
export async function startTestEngram(options: TestEngramOptions = {}): Promise<TestEngram> {
  const config: Partial<Config> = {
    listen: `127.0.0.1:${options.port ?? 0}`,
    dataDir: options.dataDir ?? tempDir(),
    tokenFile: options.token === undefined ? "" : tokenFile(options.token),
    testSwitches: true,
    personality: options.personality ?? "kv",
  };
  const engram = new TestEngram(configWith(config));
  await engram.start();
  onTestFinished(() => engram.kill());
  return engram;
}

export class TestEngram {
  #config: Config;
  #running: RunningEngram | undefined;
  #url = "";

  constructor(config: Config) {
    this.#config = config;
  }

  /** Where it serves. It is the same after a restart. */
  get url(): string {
    return this.#url;
  }

  /** Where its switches are. It is another after a restart. */
  get switchesUrl(): string {
    return this.#running?.switchesUrl ?? "";
  }

  get dataDir(): string {
    return this.#config.dataDir;
  }

  async start(): Promise<void> {
    this.#running = await startEngram(this.#config, createLog("silent", false));
    this.#url = this.#running.url;
    this.#config = { ...this.#config, listen: new URL(this.#url).host };
  }

  /** Switches a fault on, and what was on before off. */
  async fault(fault: Fault): Promise<void> {
    await this.#switch("PUT", "/_fault", fault);
  }

  async clearFault(): Promise<void> {
    await this.fault({ fault: "none" });
  }

  /** Serves another personality, on the same store. */
  async become(personality: PersonalityName): Promise<void> {
    await this.#switch("PUT", "/_personality", { personality });
    this.#config = { ...this.#config, personality };
  }

  async stats(): Promise<EngramStats> {
    return (await this.#switch("GET", "/_stats")) as EngramStats;
  }

  async resetStats(): Promise<void> {
    await this.#switch("DELETE", "/_stats");
  }

  /** Stops, or is killed, and starts again on the same port with what was stored. Faults and counts are gone. */
  async restart(how: "stop" | "kill" = "stop"): Promise<void> {
    await this[how]();
    await this.start();
  }

  /** Cuts every connection at once. It can be started again. */
  async kill(): Promise<void> {
    await this.#running?.stop(0);
  }

  /** Lets requests under way end. It can be started again. */
  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  async #switch(method: string, path: string, body?: object): Promise<unknown> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(this.switchesUrl + path, init);
    const answer = await response.json();
    if (response.status !== 200) throw new Error(JSON.stringify(answer));
    return answer;
  }
}

function tokenFile(token: string): string {
  const file = join(tempDir(), "token");
  writeFileSync(file, `${token}\n`);
  return file;
}
