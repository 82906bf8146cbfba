import { SettingsError } from "./settings.js";

/** The parts of an address to serve on, `host:port`. @throws SettingsError that names the flag */
export function listenAddress(listen: string, flag = "--listen"): { host: string; port: number } {
  const match = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<host>[^\s:/[\]]+)):(?<port>\d{1,5})$/.exec(listen);
  const port = Number(match?.groups?.["port"]);
  const host = match?.groups?.["six"] ?? match?.groups?.["host"];
  if (host === undefined || !(port <= 65_535)) throw new SettingsError([`${flag} must be host:port, not ${listen}`]);
  return { host, port };
}

/** Whether nobody but this machine can reach it. @throws SettingsError that names the flag */
export function isLoopback(listen: string, flag?: string): boolean {
  return /^(localhost|::1|127(\.\d{1,3}){3})$/i.test(listenAddress(listen, flag).host);
}
