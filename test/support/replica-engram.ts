/** An Engram of a test's own as a process of its own, so that what it does takes nothing from the test's time. */
import type { Fault } from "../../src/engram/faults.js";
import type { PersonalityName } from "../../src/engram/route.js";
import { Program } from "./process.js";
import { tempDir } from "./temp-dir.js";

export class EngramProcess {
  readonly #main: string;
  readonly #dataDir = tempDir();
  #personality: PersonalityName;
  #listen = "127.0.0.1:0";
  #program: Program | undefined;
  #url = "";
  #switchesUrl = "";

  private constructor(main: string, personality: PersonalityName) {
    this.#main = main;
    this.#personality = personality;
  }

  /** @param main the compiled `engram/main.js` */
  static async start(main: string, personality: PersonalityName): Promise<EngramProcess> {
    const engram = new EngramProcess(main, personality);
    await engram.#start();
    return engram;
  }

  /** Where it serves. It is the same after a restart. */
  get url(): string {
    return this.#url;
  }

  /** Switches a fault on, and what was on before off. */
  async fault(fault: Fault): Promise<void> {
    await this.#switch("/_fault", fault);
  }

  async clearFault(): Promise<void> {
    await this.fault({ fault: "none" });
  }

  /** Serves another personality, on the same store. */
  async become(personality: PersonalityName): Promise<void> {
    await this.#switch("/_personality", { personality });
    this.#personality = personality;
  }

  async kill(): Promise<void> {
    this.#program?.kill("SIGKILL");
    await this.#program?.exit;
  }

  /** Is killed, and starts again on the same port with what was stored. */
  async restart(): Promise<void> {
    await this.kill();
    await this.#start();
  }

  async #start(): Promise<void> {
    const flags = [`--listen=${this.#listen}`, `--data-dir=${this.#dataDir}`, `--personality=${this.#personality}`];
    this.#program = new Program(process.execPath, [this.#main, "--test-switches", ...flags]);
    const { url, switchesUrl } = await this.#program.line("listening");
    this.#url = String(url);
    this.#switchesUrl = String(switchesUrl);
    this.#listen = new URL(this.#url).host;
  }

  async #switch(path: string, body: object): Promise<void> {
    const response = await fetch(this.#switchesUrl + path, { method: "PUT", body: JSON.stringify(body) });
    const answer = await response.text();
    if (response.status !== 200) throw new Error(answer);
  }
}
