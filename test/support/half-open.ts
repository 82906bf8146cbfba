/** A connection that can die without a word, as one does when a machine loses its power or a network its way. */
import { createServer, connect as dial, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { connect, type Service } from "./client.js";

export class FragileConnection {
  readonly service: Service;
  readonly #sockets: readonly Socket[];

  private constructor(service: Service, sockets: readonly Socket[]) {
    this.service = service;
    this.#sockets = sockets;
  }

  /** A service that is reached through this connection. */
  static async open(address: string): Promise<FragileConnection> {
    const [host = "", port] = address.split(":");
    const sockets: Socket[] = [];
    const server = createServer((near) => {
      const far = dial(Number(port), host);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) sockets.push(socket.on("error", () => {}));
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const bound = server.address();
    return new FragileConnection(connect(`127.0.0.1:${typeof bound === "object" ? bound?.port : bound}`), sockets);
  }

  /** From now on nothing comes through in either direction, and neither end is told. */
  die(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }
}
