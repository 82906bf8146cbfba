/**
 * How a list of settings is written: a setting `maxSockets` is the flag `--max-sockets` and the environment variable
 * `SOCKET_REGISTRY_MAX_SOCKETS`, and the flag wins. Every fault is told, not only the first.
 */
const ENVIRONMENT_PREFIX = "SOCKET_REGISTRY_";
/** The clients' variable for where the server is, which is nothing to the server. */
const ADDRESS_VARIABLE = `${ENVIRONMENT_PREFIX}ADDRESS`;

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
export type Settings = Readonly<Record<string, Setting>>;

/** What a setting's value can be. */
export type SettingValue<S extends Setting> = S extends ChoiceSetting ? S["choices"][number] : Widen<S["default"]>;
type Widen<T> = T extends string ? string : T extends number ? number : boolean;

export function text(value: string, about: string): TextSetting {
  return { kind: "text", default: value, about };
}
export function toggle(about: string): SwitchSetting {
  return { kind: "switch", default: false, about };
}
export function choice<const C extends readonly string[]>(value: C[number], choices: C, about: string) {
  return { kind: "choice", default: value, choices, about } as const;
}
export function number(value: number, min: number, max: number, about: string): NumberSetting {
  return { kind: "number", default: value, min, max, about };
}

/** What is wrong with the settings, all of it at once. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}

export const flagOf = (name: string): string => `--${dashed(name)}`;
export const variableOf = (name: string): string =>
  ENVIRONMENT_PREFIX + dashed(name).toUpperCase().replaceAll("-", "_");

/** `maxSockets` as `max-sockets`. */
export function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Every setting's value, and what is wrong. Where something is, the value is the default. */
export function readSettings(settings: Settings, args: readonly string[], environment: NodeJS.ProcessEnv) {
  const faults: string[] = [];
  const given = new Map([...readEnvironment(settings, environment, faults), ...readFlags(settings, args, faults)]);
  const values = Object.entries(settings).map(([name, setting]) => {
    const entry = given.get(name);
    if (entry === undefined) return [name, setting.default] as const;
    const { value, rule } = parse(setting, entry.value);
    if (rule !== undefined) faults.push(`${entry.source} must ${rule}, not ${JSON.stringify(entry.value)}`);
    return [name, value] as const;
  });
  return { values: Object.fromEntries(values), faults };
}

/** The list for people, as `--help` prints it. */
export function describeSettings(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, setting]) => `${flagOf(name)}${hintOf(setting)}\n    ${setting.about}\n    ${variableOf(name)}\n`)
    .join("");
}

/** A value as it was given, and where. */
interface Given {
  readonly source: string;
  readonly value: string;
}

function readEnvironment(settings: Settings, environment: NodeJS.ProcessEnv, faults: string[]): Map<string, Given> {
  const names = new Map(Object.keys(settings).map((name) => [variableOf(name), name]));
  const given = new Map<string, Given>();
  for (const [variable, value = ""] of Object.entries(environment)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || variable === ADDRESS_VARIABLE) continue;
    const name = names.get(variable);
    if (name === undefined) faults.push(`${variable} is no setting`);
    else given.set(name, { source: variable, value });
  }
  return given;
}

function readFlags(settings: Settings, args: readonly string[], faults: string[]): Map<string, Given> {
  const names = new Map(Object.keys(settings).map((name) => [flagOf(name), name]));
  const given = new Map<string, Given>();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [source, inline] = splitOnce(arg, "=");
    const name = names.get(source) ?? "";
    const setting = settings[name];
    // What follows a flag is its value, also of one that nobody knows, so that one slip is one fault.
    const takesNext = inline === undefined && source.startsWith("--") && setting?.kind !== "switch";
    const value = takesNext && rest[0]?.startsWith("--") === false ? rest.shift() : inline;
    if (setting === undefined) faults.push(`${source} is no setting`);
    else if (given.has(name)) faults.push(`${source} is given twice`);
    else if (value !== undefined) given.set(name, { source, value });
    else if (setting.kind === "switch") given.set(name, { source, value: "true" });
    else faults.push(`${source} needs a value`);
  }
  return given;
}

/** The value, and the rule it breaks when it does; then it is the default. */
function parse(setting: Setting, value: string): { value: string | number | boolean; rule?: string } {
  switch (setting.kind) {
    case "text":
      return value === "" ? { value: setting.default, rule: "be a text" } : { value };
    case "choice":
      if (setting.choices.includes(value)) return { value };
      return { value: setting.default, rule: `be ${setting.choices.join(" or ")}` };
    case "switch":
      if (value === "true" || value === "false") return { value: value === "true" };
      return { value: setting.default, rule: "be true or false" };
    case "number": {
      const { min, max } = setting;
      const amount = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
      if (amount >= min && amount <= max) return { value: amount };
      return { value: setting.default, rule: `be a whole number from ${min} to ${max}` };
    }
  }
}

function hintOf(setting: Setting): string {
  switch (setting.kind) {
    case "text":
      return ` TEXT (${setting.default})`;
    case "choice":
      return ` ${setting.choices.join("|")} (${setting.default})`;
    case "switch":
      return "";
    case "number":
      return ` ${setting.min}..${setting.max} (${setting.default})`;
  }
}

function splitOnce(value: string, separator: string): [string, string | undefined] {
  const at = value.indexOf(separator);
  return at < 0 ? [value, undefined] : [value.slice(0, at), value.slice(at + 1)];
}
