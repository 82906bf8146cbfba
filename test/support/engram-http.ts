/** Requests as they are spelled: no client folds a `..`, follows anything, or asks twice. */
import { request } from "node:http";

export interface Asked {
  readonly method?: string;
  /** Path and query, percent-encoded by whoever asks. */
  readonly path: string;
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON. @throws when it is none */
  json(): Record<string, unknown>;
}

/** The headers of the first registry's client: also requests without a body name a type. */
export const clientHeaders = { "content-type": "application/json", accept: "application/json" };

/** Asks, and reads the whole answer. Rejects when the connection is refused or ends before it. */
export function ask(url: string, { method = "GET", path, body, headers = clientHeaders }: Asked): Promise<Answered> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const asking = request({ host, port, method, path, headers, agent: false }, async (response) => {
      try {
        let text = "";
        for await (const piece of response.setEncoding("utf8")) text += piece;
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, type: headers["content-type"] ?? "", text, json: () => JSON.parse(text) });
      } catch (error) {
        reject(error);
      }
    });
    asking.on("error", reject);
    asking.end(typeof body === "string" || body === undefined ? body : JSON.stringify(body));
  });
}

/** The record of a socket as the first registry stored it. */
export function socketRecord(id: string) {
  return {
    socket_id: id,
    model: "claude-3-sonnet",
    prompt: "You see only content.",
    context: { team: "é☃" },
    created_at: "2025-06-26T10:00:00.123456",
    state: "active",
    last_activity: null,
    message_queue: [{ header: `[team-chat-to-${id}]`, content: "one", timestamp: "2025-06-26T10:00:01", metadata: {} }],
  };
}
