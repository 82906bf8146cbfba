/** The values of scenarios: what they stand for, and whether an answer is what they expect. */
import { isDeepStrictEqual } from "node:util";
import { brief, type Json, type JsonObject } from "./clients-driver.js";

/** What the steps so far have named. */
export type Names = Map<string, Json>;

/**
 * A value with what it refers to put in: `"${a.b.0}"` is the value itself, and within a longer text its text.
 * `{"$repeat": [text, count]}` is a long text, `{"$nested": levels}` an object so many levels deep, and
 * `{"$times": [count, value]}` a list of as many values, in which `${n}` counts from "1".
 */
export function resolve(value: Json, names: Names): Json {
  if (typeof value === "string") return resolveText(value, names);
  if (Array.isArray(value)) return value.map((element) => resolve(element, names));
  if (!isObject(value)) return value;
  const { $repeat, $nested, $times } = value;
  if (Array.isArray($repeat)) return String($repeat[0]).repeat(Number($repeat[1]));
  if ($nested !== undefined) return nested(Number($nested));
  if (Array.isArray($times)) return times(Number($times[0]), $times[1], names);
  return Object.fromEntries(
    Object.entries(value).map(([key, element]) => [
      resolveText(key, names) as string,
      // A pattern may hold what looks like a reference.
      key === "$match" ? element : resolve(element, names),
    ]),
  );
}

function resolveText(text: string, names: Names): Json {
  const whole = /^\$\{([^}]+)\}$/.exec(text)?.[1];
  if (whole !== undefined) return lookUp(whole, names);
  return text.replace(/\$\{([^}]+)\}/g, (_, path: string) => String(lookUp(path, names)));
}

function lookUp(path: string, names: Names): Json {
  const [name = "", ...rest] = path.split(".");
  let found: Json | undefined = names.get(name);
  for (const key of rest) found = isObject(found) || Array.isArray(found) ? (found as JsonObject)[key] : undefined;
  if (found === undefined) throw new Error(`nothing so far is called ${path}`);
  return found;
}

function times(count: number, value: Json, names: Names): Json {
  const numbered = new Map(names);
  return Array.from({ length: count }, (_, index) => resolve(value, numbered.set("n", String(index + 1))));
}

function nested(levels: number): Json {
  return levels <= 1 ? {} : { a: nested(levels - 1) };
}

/**
 * Why an answer is not what is expected; undefined when it is. Of an object only the keys that are named count, and a
 * field at its default may be left out. A list has as many elements as expected, each matching its own.
 *
 * `{"$any": true}`: is there. `{"$absent": true}`: is not, or is at its default. `{"$exact": value}`: is this, with nothing
 * left out. `{"$match": pattern}`: a text. `{"$length": n}`: of a text or a list. `{"$unordered": list}`: in any order.
 * `{"$contains": value}`: an element matches.
 */
export function mismatch(expected: Json, actual: Json | undefined, path = "it"): string | undefined {
  const fault = (what: string) => `${path} is not ${what}, but ${brief(actual)}`;
  if (Array.isArray(expected)) return listMismatch(expected, actual ?? [], path);
  if (!isObject(expected)) {
    if (expected === actual || (actual === undefined && isDefault(expected))) return undefined;
    return fault(brief(expected));
  }
  const [key = "", argument] = Object.entries(expected)[0] ?? [];
  if (key.startsWith("$") && argument !== undefined) {
    const matcher = matchers[key];
    if (matcher === undefined) throw new Error(`there is no matcher ${key}`);
    const problem = matcher(argument, actual, path);
    return problem === true ? undefined : problem || fault(brief(expected));
  }
  if (actual !== undefined && !isObject(actual)) return fault("an object");
  return first(Object.entries(expected), ([name, value]) => mismatch(value, actual?.[name], `${path}.${name}`));
}

/** True when it matches; else a text that says why not, or false when there is no more to say. */
type Matcher = (argument: Json, actual: Json | undefined, path: string) => boolean | string;

const matchers: Readonly<Record<string, Matcher>> = {
  $any: (_, actual) => actual !== undefined,
  $absent: (_, actual) => actual === undefined || isDefault(actual),
  $exact: (argument, actual) => isDeepStrictEqual(actual, argument),
  $match: (argument, actual) => typeof actual === "string" && new RegExp(String(argument), "u").test(actual),
  $length: (argument, actual) => (typeof actual === "string" || isList(actual)) && actual.length === argument,
  $contains: (argument, actual) =>
    isList(actual) && actual.some((element) => mismatch(argument, element) === undefined),
  $unordered(argument, actual = [], path) {
    if (!isList(argument) || !isList(actual)) return false;
    const left = [...actual];
    for (const wanted of argument) {
      const place = left.findIndex((element) => mismatch(wanted, element) === undefined);
      if (place < 0) return `${path} has no element ${brief(wanted)}, only ${brief(left)}`;
      left.splice(place, 1);
    }
    return left.length === 0 || `${path} has more elements: ${brief(left)}`;
  },
};

function listMismatch(expected: readonly Json[], actual: Json, path: string): string | undefined {
  if (!isList(actual)) return `${path} is not a list, but ${brief(actual)}`;
  if (actual.length !== expected.length) {
    return `${path} has ${actual.length} elements and not ${expected.length}: ${brief(actual)}`;
  }
  return first([...expected.entries()], ([index, value]) => mismatch(value, actual[index], `${path}[${index}]`));
}

/** Whether the JSON form of protobuf may leave a field of this value out. */
function isDefault(value: Json): boolean {
  if (isList(value)) return value.length === 0;
  if (isObject(value)) return Object.keys(value).length === 0;
  return value === null || value === 0 || value === false || /^(0|.*_UNSPECIFIED|)$/.test(String(value));
}

function first<T>(list: readonly T[], problem: (element: T) => string | undefined): string | undefined {
  for (const element of list) {
    const found = problem(element);
    if (found !== undefined) return found;
  }
  return undefined;
}

// Array.isArray does not narrow a readonly list.
function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
