/**
 * The settings of the Engram service: of each the name, the default and what it is for. They are flags and no variables,
 * because the registry's variables would be taken for this program's.
 */
import { isLoopback } from "../listen.js";
import {
  choice,
  describeSettings,
  flagOf,
  readSettings,
  type Setting,
  SettingsError,
  type SettingValue,
  text,
  toggle,
} from "../settings.js";
import { personalityNames } from "./route.js";

export const settings = {
  listen: text("127.0.0.1:8000", "The address to serve on, `host:port`. Port 0 takes a free one."),
  dataDir: text("./engram-data", "The data directory. It is made if it is not there, and belongs to one process."),
  insecure: toggle("Serve on an address that others can reach, though nothing that is sent is encrypted."),
  tokenFile: text("", "A file with the bearer token that callers must show. Without it nobody is asked."),
  logLevel: choice("info", ["trace", "debug", "info", "warn", "error"], "The least that is worth a line in the log."),
  testSwitches: toggle("For tests: serve the switches of faults, personalities and counts. Only on loopback."),
  switchesListen: text("127.0.0.1:0", "Where the switches are served too, whatever fault is on."),
  personality: choice("kv", personalityNames, "For tests: which Engram to be. All but kv need --test-switches."),
} as const satisfies Record<string, Setting>;

/** The value of every setting. */
export type Config = { readonly [Name in keyof typeof settings]: SettingValue<(typeof settings)[Name]> };

/**
 * Reads the settings from a command line (without the program's name).
 * @throws SettingsError naming every fault
 */
export function readConfig(args: readonly string[]): Config {
  const { values, faults } = readSettings(settings, args, {});
  const config = values as Config;
  faults.push(...listenFaults(config), ...switchFaults(config));
  if (faults.length > 0) throw new SettingsError(faults);
  return config;
}

/** What `--help` prints. */
export function helpText(): string {
  const head = "An Engram: keeps memories by namespace and key, over HTTP. Every setting is a flag.\n\n";
  // The list is made for settings that are variables too.
  return head + describeSettings(settings).replace(/^ +[A-Z_]+\n/gm, "");
}

/** The default of every setting, with some replaced. For tests and programs that start a service of their own. */
export function configWith(overrides: Partial<Config>): Config {
  const defaults = Object.entries(settings).map(([name, setting]) => [name, setting.default]);
  return { ...(Object.fromEntries(defaults) as Config), ...overrides };
}

/** Whoever can reach an open service can read and change what it keeps, so that must be said on purpose. */
function listenFaults({ listen, insecure, testSwitches }: Config): readonly string[] {
  return faultsOf(() => {
    if (isLoopback(listen)) return [];
    if (testSwitches) return [`${flagOf("listen")} must be an address of loopback with ${flagOf("testSwitches")}`];
    if (insecure) return [];
    const risk = "can be reached from outside and nothing that is sent is encrypted";
    return [`${flagOf("listen")} ${listen} ${risk}; say ${flagOf("insecure")} if that is meant`];
  });
}

/** Switches are for tests on this machine, and a service that keeps memories has none. */
function switchFaults({ switchesListen, personality, testSwitches }: Config): readonly string[] {
  const flag = flagOf("switchesListen");
  const faults = faultsOf(() =>
    isLoopback(switchesListen, flag) ? [] : [`${flag} must be an address of loopback, not ${switchesListen}`],
  );
  if (personality === "kv" || testSwitches) return faults;
  return [...faults, `${flagOf("personality")} ${personality} keeps nothing safe; it needs ${flagOf("testSwitches")}`];
}

function faultsOf(check: () => readonly string[]): readonly string[] {
  try {
    return check();
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
}
