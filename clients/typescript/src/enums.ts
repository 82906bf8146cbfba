/** Names of generated enums. */

/**
 * The name of a value without the prefix that all names of its enum have: `nameOf(SocketState, socket.state)` is
 * `ACTIVE`. A value that is newer than this client is its number.
 */
export function nameOf(values: Readonly<Record<string, number>>, value: number): string {
  const names = Object.keys(values);
  const prefix = names.find((name) => name.endsWith("_UNSPECIFIED"))?.slice(0, -"UNSPECIFIED".length) ?? "";
  return names.find((name) => values[name] === value)?.slice(prefix.length) ?? String(value);
}
