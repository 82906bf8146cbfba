/**
 * The settings of the server: of each the name with its unit, the default, the bounds and what it is for. How they are
 * written on a command line and in an environment is in settings.ts.
 */
import { isLoopback } from "./listen.js";
import type { Limits } from "./registry/limits.js";
import {
  choice,
  dashed,
  describeSettings,
  flagOf,
  number,
  readSettings,
  type Setting,
  SettingsError,
  type SettingValue,
  text,
  toggle,
} from "./settings.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

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
  maxFrameMessages: number(1_024, 1, 100_000, "How many messages one frame of a Read carries."),
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
  ackDeadlineMs: number(
    300_000,
    0,
    7 * 86_400_000,
    "How long an EXPLICIT reader may take for a message, unless its socket says otherwise. 0: for ever.",
  ),
  maxDeliveryAttempts: number(
    10,
    0,
    1_000_000,
    "How often a message is delivered before it is parked, unless its socket says otherwise. 0: for ever.",
  ),
  returnGraceMs: number(15_000, 0, 3_600_000, "How long the deliveries of a broken stream stay with it."),
  leaseStartGraceMs: number(30_000, 0, 3_600_000, "After a start no lease runs out before this."),
  maxOutstanding: number(10_000, 1, 100_000, "How many messages an EXPLICIT reader may have in flight."),
  maxConsumers: number(1_000, 0, 100_000, "How many named consumers the team feed may have."),
  consumerIdleMs: number(7 * 86_400_000, 1_000, 3_650 * 86_400_000, "A consumer that nobody used for this long goes."),
  maxWatches: number(10_000, 1, 1_000_000, "How many Watches may be open."),
  maxAsks: number(10_000, 1, 1_000_000, "How many Asks may be open."),
  maxUnansweredWrites: number(
    8_192,
    1,
    1_000_000,
    "How many writes of a WriteStream may be under way, but for one frame.",
  ),
  maxUnansweredBytes: number(8 * MIB, 1, 1024 * MIB, "How many bytes these may have."),
  dedupeWindowMs: number(600_000, 1_000, 86_400_000, "How long a request_id is remembered."),
  dedupeKeys: number(1_000_000, 1, 100_000_000, "How many request_ids are remembered."),
  recentBytes: number(
    32 * MIB,
    0,
    4 * GIB,
    "How many bytes of the newest messages are kept in memory for live readers.",
  ),
  engramUrl: text("", "The Engram that keeps a replica, `http://host:port`. Without it there is none."),
  engramNamespace: text("rhetor_sockets", "The namespace of the replica, and with `.log` behind it that of its log."),
  engramTokenFile: text("", "A file with the bearer token that the Engram asks for."),
  engramTimeoutMs: number(4_000, 100, 600_000, "How long one call to the Engram may take."),
  engramConflict: choice(
    "refuse",
    ["refuse", "warn"],
    "What to do when another living registry writes to the namespace: not to replicate, or only to say so.",
  ),
  replicationIntervalMs: number(1_000, 10, 3_600_000, "How long after one round of replication the next one begins."),
  replicationViewsPerSecond: number(20, 1, 100_000, "How many views of sockets are sent in a second, at the most."),
  restore: choice(
    "if-empty",
    ["never", "if-empty", "merge"],
    "When the replica is restored at the start: never, into an empty data directory, or into any.",
  ),
  restorePatienceMs: number(
    10_000,
    0,
    3_600_000,
    "How long an Engram that does not answer is asked before the server starts with what it has.",
  ),
  keepaliveTimeMs: number(30_000, 1_000, 86_400_000, "How long a connection may be silent before it is asked."),
  keepaliveTimeoutMs: number(15_000, 100, 86_400_000, "How long the answer to that may take before it is closed."),
  shutdownGraceMs: number(5_000, 0, 3_600_000, "How long calls under way may take when the server stops."),
  upkeepIntervalMs: number(1_000, 10, 3_600_000, "How often retention looks for what may go."),
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

/** The value of every setting. The limits of the rules are among them. */
export type Config = { readonly [Name in SettingName]: SettingValue<(typeof settings)[Name]> };

/**
 * Reads the settings from a command line (without the program's name) and an environment.
 * @throws SettingsError naming every fault
 */
export function readConfig(args: readonly string[], environment: NodeJS.ProcessEnv): Config {
  const { values, faults } = readSettings(settings, args, environment);
  const config = values as Config;
  faults.push(...listenFaults(config), ...requestFaults(config), ...engramFaults(config));
  if (faults.length > 0) throw new SettingsError(faults);
  return config;
}

/** What `--help` prints. */
export function helpText(): string {
  const head = "The AI Socket Registry. Every setting is a flag or an environment variable; the flag wins.\n\n";
  return head + describeSettings(settings);
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

/** Whoever can reach an open server can read everybody's mail, so that must be said on purpose. */
function listenFaults({ listen, insecure }: Config): readonly string[] {
  try {
    if (isLoopback(listen) || insecure) return [];
    const risk = "can be reached from outside and nobody is asked who they are";
    return [`${flagOf("listen")} ${listen} ${risk}; say ${flagOf("insecure")} if that is meant`];
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
}

/**
 * What is larger than the largest request never reaches the rules, and is refused without a reason. So there must be
 * room for whatever the other limits let in, and a little more, for them to speak first.
 */
function requestFaults(config: Config): readonly string[] {
  const labels = 2 * config.maxLabels * config.maxStringBytes;
  const socket = config.maxPromptBytes + config.maxContextBytes;
  const message = config.maxContentBytes + config.maxMetadataBytes;
  const least = Math.max(socket, message) + labels + 8 * config.maxStringBytes + 64 * KIB;
  if (config.maxRequestBytes >= least) return [];
  return [
    `${flagOf("maxRequestBytes")} must be at least ${least}, for the other limits to fit in, \
not ${config.maxRequestBytes}`,
  ];
}

function engramFaults({ engramUrl, engramNamespace }: Config): readonly string[] {
  const faults: string[] = [];
  const url = URL.canParse(engramUrl) ? new URL(engramUrl) : undefined;
  const isUsable = url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
  // What may be a password is not printed.
  if (engramUrl !== "" && !isUsable) faults.push(`${flagOf("engramUrl")} must be http://host:port, without a user`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/.test(engramNamespace)) {
    const rule = "must be 1 to 60 letters, digits, dots, dashes or underscores";
    faults.push(`${flagOf("engramNamespace")} ${rule}, not ${JSON.stringify(engramNamespace)}`);
  }
  return faults;
}
