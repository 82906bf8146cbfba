import { createServer, type RequestListener, type Server } from "node:http";

/** How long a connection may be idle. Longer than clients keep theirs, so that none is closed as a request comes. */
const IDLE_MS = 75_000;
/** How often a door that shuts looks for connections whose request has ended. */
const LOOK_MS = 20;

/** An address that is served. It can be shut, and opened again on the port it had. */
export class Door {
  readonly #host: string;
  readonly #handle: RequestListener;
  #port: number;
  #server: Server | undefined;

  /** @param port 0 takes a free one */
  constructor(host: string, port: number, handle: RequestListener) {
    this.#host = host;
    this.#port = port;
    this.#handle = handle;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://${this.#host.includes(":") ? `[${this.#host}]` : this.#host}:${this.#port}`;
  }

  /** Listens. @throws when the port is taken, or the host is none of this machine */
  async open(): Promise<void> {
    const server = createServer({ keepAliveTimeout: IDLE_MS }, this.#handle);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(this.#named(error)));
      server.listen(this.#port, this.#host, resolve);
    });
    const address = server.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
    this.#server = server;
  }

  /**
   * Takes no more connections, and lets requests under way come to their end.
   *
   * @param graceMs after this long they are cut. 0: at once
   */
  async shut(graceMs: number): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    if (graceMs === 0) server.closeAllConnections();
    const looking = setInterval(() => server.closeIdleConnections(), LOOK_MS);
    const cutting = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearInterval(looking);
    clearTimeout(cutting);
  }

  #named(error: NodeJS.ErrnoException): Error {
    return error.code === "EADDRINUSE" ? new Error(`${this.#host}:${this.#port} is in use (EADDRINUSE)`) : error;
  }
}
