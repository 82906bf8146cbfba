import type { RequestListener } from "node:http";
import { listenAddress } from "../listen.js";
import type { Log } from "../log.js";
import { createApp } from "./app.js";
import type { Config } from "./config.js";
import { DisturbedRows } from "./disturbed.js";
import { Door } from "./door.js";
import { Esr } from "./esr.js";
import { Faults } from "./faults.js";
import { personalities } from "./personalities.js";
import { type PersonalityName, personalityNames } from "./route.js";
import { Stats } from "./stats.js";
import type { Life } from "./status.js";
import { Store } from "./store.js";
import { isSwitch, switchRoutes } from "./switches.js";
import { Token } from "./token.js";

/** How long requests under way may take when the service stops. */
const SHUTDOWN_GRACE_MS = 2_000;

export interface RunningEngram {
  /** Where it serves, with the port it really has. */
  readonly url: string;
  /** Where the switches can be reached whatever fault is on. Undefined when there are none. */
  readonly switchesUrl: string | undefined;
  /**
   * Takes no more requests, lets those under way come to their end, and closes the store.
   *
   * @param graceMs after this long they are cut. 0: at once, as when the program is killed
   */
  stop(graceMs?: number): Promise<void>;
}

/** Starts the service: the store first, the doors last. Stopping is this list backwards. */
export async function startEngram(config: Config, log: Log): Promise<RunningEngram> {
  const token = config.tokenFile === "" ? undefined : await Token.read(config.tokenFile);
  const store = await Store.open(config.dataDir, log);
  try {
    const service = await createService(config, store, token, log);
    log.info({ url: service.url, switchesUrl: service.switchesUrl, dataDir: config.dataDir }, "listening");
    let stopping: Promise<void> | undefined;
    const stop = async (graceMs: number): Promise<void> => {
      await service.stop(graceMs);
      await store.close();
      log.info("stopped");
    };
    return { ...service, stop: (graceMs = SHUTDOWN_GRACE_MS) => (stopping ??= stop(graceMs)) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The service with its doors open. */
async function createService(config: Config, store: Store, token: Token | undefined, log: Log) {
  const life: Life = { port: 0, bornMs: performance.now() };
  const served: { personality: PersonalityName } = { personality: config.personality };
  const esr = new Esr();
  const doors: { main?: Door; switches?: Door } = {};
  const disturbance = config.testSwitches ? disturb(store, esr, life, doors) : undefined;

  const routes = personalities(disturbance?.rows ?? store, esr, life);
  const around = { log, token, faults: disturbance?.faults, stats: disturbance?.stats };
  const apps = {} as Record<PersonalityName, RequestListener>;
  for (const name of personalityNames) apps[name] = await createApp(routes[name], around);
  const switches = disturbance && (await createApp(switchRoutes({ ...disturbance, served }), { log }));

  const main = new Door(...partsOf(config.listen), (request, response) => {
    const app = switches !== undefined && isSwitch(request.url) ? switches : apps[served.personality];
    app(request, response);
  });
  doors.main = main;
  if (switches !== undefined) doors.switches = new Door(...partsOf(config.switchesListen), switches);
  const stop = async (graceMs: number): Promise<void> => {
    disturbance?.faults.release();
    await Promise.all([main.shut(graceMs), doors.switches?.shut(graceMs)]);
  };
  try {
    await main.open();
    await doors.switches?.open();
  } catch (error) {
    await stop(0);
    throw error;
  }
  life.port = main.port;
  return { url: main.url, switchesUrl: doors.switches?.url, stop };
}

/** The parts that a test can turn against the callers. */
function disturb(store: Store, esr: Esr, life: Life, doors: { main?: Door }) {
  const rows = new DisturbedRows(store);
  const faults = new Faults({
    rows,
    shut: async () => await doors.main?.shut(0),
    open: async () => await doors.main?.open(),
    forget: () => {
      esr.clear();
      life.bornMs = performance.now();
    },
  });
  return { rows, faults, stats: new Stats() };
}

function partsOf(listen: string): [host: string, port: number] {
  const { host, port } = listenAddress(listen);
  return [host, port];
}
