import { expect, test } from "vitest";
import { type Config, configWith, helpText, namedLimits, readConfig, settings } from "../src/config.js";
import { listenAddress } from "../src/listen.js";
import { flagOf, type Setting, SettingsError, variableOf } from "../src/settings.js";

const names = Object.keys(settings) as (keyof Config)[];
const defaults = configWith({});

/** What is wrong, as the program prints it. */
function faultsOf(args: string[], environment: Record<string, string> = {}): readonly string[] {
  try {
    readConfig(args, environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
}

/** A good value that is not the default. */
/** Values of texts that may not be anything. */
const others: Partial<Record<keyof Config, string>> = { listen: "127.0.0.1:7", engramUrl: "http://127.0.0.1:8" };

function otherValue(name: keyof Config): string {
  const setting: Setting = settings[name];
  switch (setting.kind) {
    case "text":
      return others[name] ?? "elsewhere";
    case "choice":
      return setting.choices.find((choice) => choice !== setting.default) ?? expect.unreachable();
    case "switch":
      return "true";
    case "number":
      return String(setting.default < setting.max ? setting.default + 1 : setting.default - 1);
  }
}

const typed = (name: keyof Config, value: string) => {
  const { kind } = settings[name];
  if (kind === "number") return Number(value);
  return kind === "switch" ? value === "true" : value;
};

test("without flags and environment every setting has its default", () => {
  expect(readConfig([], {})).toEqual(defaults);
  expect(readConfig([], { PATH: "/bin", SOCKET_REGISTRY_ADDRESS: "elsewhere:1" })).toEqual(defaults);
});

test("the defaults are those of the contract", () => {
  expect(defaults).toMatchObject({
    listen: "127.0.0.1:50051",
    durability: "fsync",
    maxContentBytes: 1_048_576,
    maxMetadataBytes: 65_536,
    maxContextBytes: 262_144,
    maxStructDepth: 30,
    maxPromptBytes: 262_144,
    maxStringBytes: 256,
    maxLabels: 32,
    maxQueueMessages: 10_000,
    maxQueueBytes: 67_108_864,
    maxSockets: 100_000,
    maxReadersPerSocket: 16,
    maxResponseBytes: 3_145_728,
    retainedMessages: 1_000_000,
    retainedBytes: 1_073_741_824,
    retainedAgeMs: 86_400_000,
    ackDeadlineMs: 300_000,
    maxDeliveryAttempts: 10,
    returnGraceMs: 15_000,
    leaseStartGraceMs: 30_000,
    maxOutstanding: 10_000,
    consumerIdleMs: 604_800_000,
    dedupeWindowMs: 600_000,
    dedupeKeys: 1_000_000,
    maxUnansweredWrites: 8_192,
    maxUnansweredBytes: 8_388_608,
    keepaliveTimeMs: 30_000,
    keepaliveTimeoutMs: 15_000,
  });
});

test.each(names)("%s can be set by flag, by flag with =, and by variable", (name) => {
  const value = otherValue(name);
  const expected = { ...defaults, [name]: typed(name, value) };
  expect(readConfig([`${flagOf(name)}=${value}`], {})).toEqual(expected);
  expect(readConfig([], { [variableOf(name)]: value })).toEqual(expected);
  const separate = settings[name].kind === "switch" ? [flagOf(name)] : [flagOf(name), value];
  expect(readConfig(separate, {})).toEqual(expected);
});

test("flags and variables are named after their setting", () => {
  expect([flagOf("maxReadersPerSocket"), variableOf("maxReadersPerSocket")]).toEqual([
    "--max-readers-per-socket",
    "SOCKET_REGISTRY_MAX_READERS_PER_SOCKET",
  ]);
  expect(names.map(flagOf)).toEqual(expect.arrayContaining(["--listen", "--data-dir", "--durability", "--insecure"]));
});

test.each(names)("a flag wins over the variable of %s, even over one that is no good", (name) => {
  const value = otherValue(name);
  const args = [`${flagOf(name)}=${value}`];
  expect(readConfig(args, { [variableOf(name)]: String(defaults[name]) })[name]).toBe(typed(name, value));
  expect(readConfig(args, { [variableOf(name)]: "" })[name]).toBe(typed(name, value));
});

test("a switch can be turned off over a variable that turns it on", () => {
  expect(readConfig(["--insecure=false"], { SOCKET_REGISTRY_INSECURE: "true" }).insecure).toBe(false);
});

const numbers = names.filter((name) => settings[name].kind === "number" && name !== "maxRequestBytes");

test.each(numbers)("%s is taken at its bounds and refused past them", (name) => {
  const { min, max, default: value } = settings[name] as Extract<Setting, { kind: "number" }>;
  expect(min <= value && value <= max).toBe(true);
  // Whatever is allowed in a request must fit into one.
  const roomy = name === "maxStringBytes" ? ["--max-request-bytes", String(256 * 1024 * 1024)] : [];
  expect(readConfig([flagOf(name), String(min), ...roomy], {})[name]).toBe(min);
  expect(readConfig([flagOf(name), String(max), ...roomy], {})[name]).toBe(max);
  for (const wrong of [min - 1, max + 1]) {
    expect(faultsOf([flagOf(name), String(wrong), ...roomy])).toEqual([
      `${flagOf(name)} must be a whole number from ${min} to ${max}, not "${wrong}"`,
    ]);
  }
});

test.each(["", " 1", "1.5", "1e3", "0x10", "1_000", "ten", "-1", "99999999999999999999", "NaN"])(
  "%j is no number",
  (value) => {
    expect(faultsOf([`--max-sockets=${value}`])).toHaveLength(1);
    expect(faultsOf([], { SOCKET_REGISTRY_MAX_SOCKETS: value })).toHaveLength(1);
  },
);

test("everything that is wrong is told at once, each fault once", () => {
  const args = ["--max-sockets", "many", "--no-such", "value", "stray", "--durability=ram", "--listen", "0.0.0.0:1"];
  const environment = { SOCKET_REGISTRY_DATA_DIR: "", SOCKET_REGISTRY_OTHER: "1", SOCKET_REGISTRY_INSECURE: "yes" };
  expect([...faultsOf([...args, "--max-labels"], environment)].sort()).toEqual(
    [
      '--max-sockets must be a whole number from 1 to 10000000, not "many"',
      "--no-such is no setting",
      "stray is no setting",
      '--durability must be fsync or os, not "ram"',
      "--listen 0.0.0.0:1 can be reached from outside and nobody is asked who they are; say --insecure if that is meant",
      "--max-labels needs a value",
      'SOCKET_REGISTRY_DATA_DIR must be a text, not ""',
      "SOCKET_REGISTRY_OTHER is no setting",
      'SOCKET_REGISTRY_INSECURE must be true or false, not "yes"',
    ].sort(),
  );
});

test("a flag that is given twice, or without its value, is a fault", () => {
  expect(faultsOf(["--max-labels", "1", "--max-labels=2"])).toEqual(["--max-labels is given twice"]);
  expect(faultsOf(["--insecure", "--insecure"])).toEqual(["--insecure is given twice"]);
  expect(faultsOf(["--data-dir", "--insecure"])).toEqual(["--data-dir needs a value"]);
  expect(faultsOf(["--data-dir="])).toEqual(['--data-dir must be a text, not ""']);
});

test.each(["127.0.0.1:1", "127.9.9.9:1", "localhost:1", "LocalHost:1", "[::1]:1"])(
  "%s is for this machine alone",
  (listen) => {
    expect(readConfig(["--listen", listen], {}).listen).toBe(listen);
  },
);

test.each(["0.0.0.0:1", "[::]:1", "192.168.1.1:1", "example.com:1", "127.0.0.1.example.com:1", "localhost.example:1"])(
  "%s needs --insecure",
  (listen) => {
    expect(faultsOf(["--listen", listen])[0]).toContain("--insecure");
    expect(faultsOf([], { SOCKET_REGISTRY_LISTEN: listen })).toHaveLength(1);
    expect(readConfig(["--insecure", "--listen", listen], {}).listen).toBe(listen);
  },
);

test.each([
  "",
  "127.0.0.1",
  ":50051",
  "127.0.0.1:",
  "127.0.0.1:x",
  "127.0.0.1:65536",
  "::1:80",
  "[::1]",
  "a b:1",
  "http://a:1",
])("%j is no address", (listen) => {
  expect(faultsOf([`--listen=${listen}`, "--insecure"])).toHaveLength(1);
});

test("an address has a host and a port", () => {
  expect(listenAddress("[::1]:0")).toEqual({ host: "::1", port: 0 });
  expect(listenAddress("localhost:65535")).toEqual({ host: "localhost", port: 65_535 });
});

test.each([["ftp://127.0.0.1:8000"], ["127.0.0.1:8000"], ["http://me:secret@127.0.0.1:8000"]])(
  "an Engram is at http or https, without a user, and what may be a password is not repeated: %s",
  (url) => {
    expect(faultsOf(["--engram-url", url])).toEqual(["--engram-url must be http://host:port, without a user"]);
  },
);

test("a namespace is 1 to 60 safe characters", () => {
  const longest = `n${"a".repeat(59)}`;
  expect(readConfig(["--engram-namespace", longest], {}).engramNamespace).toBe(longest);
  for (const name of [`${longest}a`, "a/b", ".a", "a b"]) {
    expect(faultsOf(["--engram-namespace", name])).toEqual([
      expect.stringMatching(/^--engram-namespace must be 1 to 60 /),
    ]);
  }
});

test("a request must have room for what the other limits let in, so that they speak first", () => {
  const mib = 1024 * 1024;
  expect(faultsOf(["--max-content-bytes", String(16 * mib)])).toEqual([]);
  expect(faultsOf(["--max-request-bytes", String(mib)])[0]).toMatch(/^--max-request-bytes must be at least \d+, /);
  expect(faultsOf(["--max-content-bytes", String(16 * mib), "--max-request-bytes", String(16 * mib)])).toHaveLength(1);
  expect(faultsOf(["--max-labels", "1000", "--max-string-bytes", "65536"])).toHaveLength(1);
  const small = ["content", "metadata", "context", "prompt"].map((what) => `--max-${what}-bytes=1000`);
  expect(readConfig([...small, "--max-request-bytes=100000"], {}).maxRequestBytes).toBe(100_000);
});

test("help tells every setting with its flag, its variable and what it is for", () => {
  for (const name of names) {
    const { about } = settings[name];
    expect(helpText()).toContain(flagOf(name));
    expect(helpText()).toContain(variableOf(name));
    expect(helpText()).toContain(about);
    expect(about).toMatch(/^[A-Z].*\.$/);
  }
});

test("limits have the names of their settings, and no text is among them", () => {
  const limits = namedLimits(defaults);
  expect(limits).toMatchObject({ max_content_bytes: 1_048_576, retained_age_ms: 86_400_000, shutdown_grace_ms: 5_000 });
  expect(Object.values(limits).every((limit) => Number.isSafeInteger(limit))).toBe(true);
});
