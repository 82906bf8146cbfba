/** The name of a value of a generated enum without the prefix that all its names have: `SETTLED`, `LEASE_EXPIRED`. */
export function nameOf(values: Readonly<Record<string, number>>, value: number, prefix: string): string {
  const name = Object.keys(values).find((key) => values[key] === value);
  return name?.replace(prefix, "") ?? `unknown ${value}`;
}
