/** What leases cost a server, in CPU time: while open Reads keep them, and while heartbeats do. */
import { setTimeout as delay } from "node:timers/promises";
import { closing, type OpenServer, openLoad, openServer, shareOfCore } from "../arena.js";
import type { Program } from "../program.js";
import type { LoadCommands } from "../programs/load.js";
import type { Open, Row } from "../row.js";

const SOCKETS = 10_000;

interface Variant {
  readonly name: string;
  readonly beside: string;
  readonly leaseMs: number;
  /** How long one measurement takes. */
  readonly seconds: number;
  begin(load: Program<LoadCommands>, server: OpenServer): Promise<void>;
  /** What goes on while it is measured. */
  pass(load: Program<LoadCommands>, server: OpenServer, seconds: number): Promise<void>;
}

const variants: readonly Variant[] = [
  {
    // Every lease is due once while it is measured. At 30 seconds that would be a third of the work.
    name: "leases 10,000 of 10 s, kept by open Reads",
    beside: "open Reads without leases",
    leaseMs: 10_000,
    seconds: 10,
    begin: (load, { address }) => load.call("openReaders", address, SOCKETS),
    pass: (_, __, seconds) => delay(seconds * 1_000),
  },
  {
    // Nobody gives a heartbeat while the other server is measured, and no lease may run out in that time.
    name: "leases 10,000 of 60 s, kept by heartbeats",
    beside: "the same heartbeats, no leases",
    leaseMs: 60_000,
    seconds: 10,
    begin: async () => {},
    pass: (load, { address }, seconds) => load.call("heartbeats", address, SOCKETS, seconds),
  },
];

export const leaseRows: Row[] = variants.map((variant) => ({
  name: variant.name,
  figures: [{ unit: "% of a core", bars: { [variant.beside]: { gate: 1, as: "difference" } } }],
  ours: openSockets(variant, variant.leaseMs),
  others: [{ name: variant.beside, open: openSockets(variant, 0) }],
}));

function openSockets({ begin, pass, seconds }: Variant, leaseMs: number): Open {
  return async () => {
    const [server, load] = [await openServer(), openLoad()];
    await load.call("createSockets", server.address, SOCKETS, leaseMs);
    await begin(load, server);
    return { measure: () => shareOfCore(server, () => pass(load, server, seconds)), close: closing(server, load) };
  };
}
