/**
 * Every setting of the server: its name with its unit, its default, its bounds and what it is for. A setting `maxSockets`
 * is the flag `--max-sockets` and the environment variable `SOCKET_REGISTRY_MAX_SOCKETS`; the flag wins.
 */
import type { Limits } from "./registry/limits.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const ENVIRONMENT_PREFIX = "SOCKET_REGISTRY_";

interface TextSetting {
  readonly kind: "text";
  readonly default: string;
  readonly about: string;
}
interface ChoiceSetting {
  readonly kind: "choice";
  readonly default: string;
  readonly choices: readonly string[];
  readonly about: string;
}
interface SwitchSetting {
  readonly kind: "switch";
  readonly default: boolean;
  readonly about: string;
}
interface NumberSetting {
  readonly kind: "number";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly about: string;
}
export type Setting = TextSetting | ChoiceSetting | SwitchSetting | NumberSetting;

export const settings = {
  listen: text("127.0.0.1:50051", "The address to serve on, `host:port`. Port 0 takes a free one."),
  dataDir: text("./data", "The data directory. It is made if it is not there, and belongs to one process."),
  insecure: toggle("Serve on an address that others can reach, though nobody is asked who they are."),
  durability: choice("fsync", ["fsync", "os"], "What an answered write survives: a power loss, or only a crash."),
  logLevel: choice("info", ["trace", "debug", "info", "warn", "error"], "The least that is worth a line in the log."),
  maxContentBytes: number(MIB, 1, 16 * MIB, "The largest content of a message."),
  maxMetadataBytes: number(64 * KIB, 0, 4 * MIB, "The largest metadata of a message, encoded."),
  maxContextBytes: number(256 * KIB, 0, 4 * MIB, "The largest context of a socket, encoded."),
  maxStructDepth: number(30, 1, 30, "How deep metadata and context may be nested."),
  maxPromptBytes: number(256 * KIB, 0, 4 * MIB, "The largest prompt of a socket."),
  maxStringBytes: number(256, 1, 64 * KIB, "The largest other text: a model, a label, a reason, a thread."),
  maxLabels: number(32, 0, 1_000, "How many labels a socket may have."),
  maxQueueMessages: number(10_000, 1, 100_000_000, "How many messages a queue holds, and the team feed."),
  maxQueueBytes: number(64 * MIB, 1, 1024 * GIB, "How many bytes a queue holds, and the team feed."),
  maxSockets: number(100_000, 1, 10_000_000, "How many sockets there may be."),
  maxReadersPerSocket: number(16, 1, 1_000_000, "How many Reads a socket may have open."),
  maxFrameMessages: number(256, 1, 100_000, "How many messages one frame of a Read carries."),
  maxFrameBytes: number(256 * KIB, 1, 3 * MIB, "How many bytes of messages one frame carries, but for a larger one."),
  maxResponseBytes: number(3 * MIB, 64 * KIB, 64 * MIB, "How large a page of a listing grows before it ends early."),
  maxRequestBytes: number(24 * MIB, 64 * KIB, 256 * MIB, "How large a request may be at all."),
  maxConcurrentStreams: number(20_000, 1, 1_000_000, "How many calls a connection may have open."),
  maxStoreBytes: number(
    64 * GIB,
    MIB,
    1024 * GIB,
    "How many bytes of entries the log holds before writes are refused.",
  ),
  retainedMessages: number(1_000_000, 0, 1_000_000_000, "How many settled messages stay readable by position."),
  retainedBytes: number(GIB, 0, 1024 * GIB, "How many bytes of settled messages stay readable."),
  retainedAgeMs: number(86_400_000, 0, 3_650 * 86_400_000, "How long settled messages stay, and messages on the feed."),
  recentBytes: number(
    16 * MIB,
    0,
    4 * GIB,
    "How many bytes of the newest messages are kept in memory for live readers.",
  ),
  keepaliveTimeMs: number(30_000, 1_000, 86_400_000, "How long a connection may be silent before it is asked."),
  keepaliveTimeoutMs: number(15_000, 100, 86_400_000, "How long the answer to that may take before it is closed."),
  shutdownGraceMs: number(5_000, 0, 3_600_000, "How long calls under way may take when the server stops."),
  upkeepIntervalMs: number(1_000, 10, 3_600_000, "How often retention looks for what may go."),
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;
type ValueOf<S extends Setting> = S extends ChoiceSetting ? S["choices"][number] : Widen<S["default"]>;
type Widen<T> = T extends string ? string : T extends number ? number : boolean;

/** The value of every setting. The limits of the rules are among them. */
export type Config = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> };

/** What is wrong with the settings, all of it at once. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}

/**
 * Reads the settings from a command line (without the program's name) and an environment.
 * @throws ConfigError naming every fault
 */
export function readConfig(args: readonly string[], environment: NodeJS.ProcessEnv): Config {
  const faults: string[] = [];
  const given = new Map<SettingName, { source: string; value: string }>();
  readEnvironment(environment, given, faults);
  readFlags(args, given, faults);
  const values = Object.entries(settings).map(([name, setting]) => {
    const entry = given.get(name as SettingName);
    return [name, entry === undefined ? setting.default : parse(setting, entry.source, entry.value, faults)];
  });
  const config = Object.fromEntries(values) as Config;
  if (faults.length === 0) checkListen(config, faults);
  if (faults.length > 0) throw new ConfigError(faults);
  return config;
}

/** The default of every setting, with some replaced. For tests and programs that start a server of their own. */
export function configWith(overrides: Partial<Config>): Config {
  const defaults = Object.entries(settings).map(([name, setting]) => [name, setting.default]);
  return { ...(Object.fromEntries(defaults) as Config), ...overrides };
}

/** The limits among the settings, by the names under which GetServerInfo tells them. */
export function namedLimits(config: Config): Record<string, number> {
  const numbers = Object.entries(config).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  return Object.fromEntries(numbers.map(([name, value]) => [dashed(name).replaceAll("-", "_"), value]));
}

/** A config holds every limit of the rules. */
export const limitsOf = (config: Config): Limits => config;

export const flagOf = (name: string): string => `--${dashed(name)}`;
export const variableOf = (name: string): string =>
  ENVIRONMENT_PREFIX + dashed(name).toUpperCase().replaceAll("-", "_");

/** The parts of `listen`. */
export function listenAddress(listen: string): { host: string; port: number } {
  const match = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/.exec(listen);
  const port = Number(match?.groups?.["port"]);
  const host = match?.groups?.["six"] ?? match?.groups?.["host"];
  if (host === undefined || !(port <= 65_535)) throw new ConfigError([`${listen} is not host:port`]);
  return { host, port };
}

type Given = Map<SettingName, { source: string; value: string }>;

function readEnvironment(environment: NodeJS.ProcessEnv, given: Given, faults: string[]): void {
  const byVariable = new Map(Object.keys(settings).map((name) => [variableOf(name), name as SettingName]));
  for (const [variable, value] of Object.entries(environment)) {
    // The address is the clients' variable, and has nothing to do with the server.
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || variable === `${ENVIRONMENT_PREFIX}ADDRESS`) continue;
    const name = byVariable.get(variable);
    if (name === undefined) faults.push(`${variable} is no setting`);
    else given.set(name, { source: variable, value: value ?? "" });
  }
}

function readFlags(args: readonly string[], given: Given, faults: string[]): void {
  const byFlag = new Map(Object.keys(settings).map((name) => [flagOf(name), name as SettingName]));
  const seen = new Set<SettingName>();
  for (let place = 0; place < args.length; place++) {
    const [flag = "", inline] = splitOnce(args[place] ?? "", "=");
    const name = byFlag.get(flag);
    if (name === undefined) {
      faults.push(`${flag} is no setting`);
      // What follows an unknown flag is taken for its value, so that one slip is one fault.
      if (inline === undefined && flag.startsWith("--") && args[place + 1]?.startsWith("--") === false) place++;
      continue;
    }
    if (seen.has(name)) faults.push(`${flag} is given twice`);
    seen.add(name);
    const next = args[place + 1];
    if (inline !== undefined) given.set(name, { source: flag, value: inline });
    else if (settings[name].kind === "switch") given.set(name, { source: flag, value: "true" });
    else if (next === undefined || next.startsWith("--")) faults.push(`${flag} needs a value`);
    else {
      given.set(name, { source: flag, value: next });
      place++;
    }
  }
}

function parse(setting: Setting, source: string, value: string, faults: string[]): string | number | boolean {
  switch (setting.kind) {
    case "text":
      if (value === "") faults.push(`${source} must not be empty`);
      return value;
    case "choice":
      if (!setting.choices.includes(value))
        faults.push(`${source} must be ${setting.choices.join(" or ")}, not ${value}`);
      return value;
    case "switch":
      if (value !== "true" && value !== "false") faults.push(`${source} must be true or false, not ${value}`);
      return value === "true";
    case "number": {
      const amount = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
      if (amount >= setting.min && amount <= setting.max) return amount;
      faults.push(`${source} must be a whole number from ${setting.min} to ${setting.max}, not ${value}`);
      return setting.default;
    }
  }
}

/** Whoever can reach an open server can read everybody's mail, so that must be said on purpose. */
function checkListen(config: Config, faults: string[]): void {
  try {
    const { host } = listenAddress(config.listen);
    const isLoopback = host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
    if (isLoopback || config.insecure) return;
    faults.push(`${flagOf("listen")} ${config.listen} can be reached from outside and nobody is asked who they are; \
say ${flagOf("insecure")} if that is meant`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    faults.push(...error.faults.map((fault) => `${flagOf("listen")}: ${fault}`));
  }
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function splitOnce(value: string, separator: string): [string, string | undefined] {
  const at = value.indexOf(separator);
  return at < 0 ? [value, undefined] : [value.slice(0, at), value.slice(at + 1)];
}

function text(value: string, about: string): TextSetting {
  return { kind: "text", default: value, about };
}
function toggle(about: string): SwitchSetting {
  return { kind: "switch", default: false, about };
}
function choice<const C extends readonly string[]>(value: C[number], choices: C, about: string) {
  return { kind: "choice", default: value, choices, about } as const;
}
function number(value: number, min: number, max: number, about: string): NumberSetting {
  return { kind: "number", default: value, min, max, about };
}
