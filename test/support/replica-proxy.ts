/** Stands before an Engram, and counts what is asked of it, by namespace. */
import { request as ask, createServer } from "node:http";
import { onTestFinished } from "vitest";

export interface Counted {
  /** Requests for pieces of the state and for the claim to them. */
  readonly state: number;
  /** Requests for the views that a Rhetor reads. */
  readonly views: number;
  /** Everything else: health, readiness, the description of the API. */
  readonly other: number;
}

const NOTHING: Counted = { state: 0, views: 0, other: 0 };

export class CountingProxy {
  readonly url: string;
  #counted = NOTHING;

  private constructor(url: string) {
    this.url = url;
  }

  /** Starts a proxy that ends with its test. */
  static async start(target: string): Promise<CountingProxy> {
    const proxy: { current?: CountingProxy } = {};
    const server = createServer((request, response) => {
      if (proxy.current !== undefined) proxy.current.#count(request.url ?? "");
      const { method, headers, url } = request;
      const asked = ask(target + url, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      asked.on("error", () => response.destroy());
      request.pipe(asked);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("the proxy has no address");
    proxy.current = new CountingProxy(`http://127.0.0.1:${address.port}`);
    return proxy.current;
  }

  get counted(): Counted {
    return this.#counted;
  }

  reset(): void {
    this.#counted = NOTHING;
  }

  #count(path: string): void {
    const [, first, namespace] = path.split(/[/?]/);
    const kind = first !== "memory" ? "other" : namespace?.endsWith(".log") === true ? "state" : "views";
    this.#counted = { ...this.#counted, [kind]: this.#counted[kind] + 1 };
  }
}

/** As a rate. */
export function perSecond({ state, views, other }: Counted, seconds: number): Counted {
  return { state: state / seconds, views: views / seconds, other: other / seconds };
}
