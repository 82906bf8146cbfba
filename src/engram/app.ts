/** Routes as an HTTP service. It is the only file that knows Fastify. */
import type { RequestListener } from "node:http";
import { Readable } from "node:stream";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import type { Log } from "../log.js";
import type { Faults } from "./faults.js";
import { BODY_BYTES_MAX } from "./limits.js";
import { type Answer, type Call, detail, Refusal, type Route } from "./route.js";
import type { Stats } from "./stats.js";
import { methodNotAllowed, notFound } from "./status.js";
import { StoreUnavailable } from "./store.js";
import type { Token } from "./token.js";

/** What stands between a request and its route. */
interface Surroundings {
  readonly log: Pick<Log, "error">;
  /** What callers must show. Without it nobody is asked. */
  readonly token?: Token | undefined;
  readonly faults?: Faults | undefined;
  readonly stats?: Stats | undefined;
}

/** Paths that are open to callers without a token. */
const openPaths = new Set(["/health", "/ready"]);
const JSON_TYPE = "application/json";
/** Longer than any name that fits in a request line: how long names may be is for the routes to say. */
const PART_CHARACTERS_MAX = 16 * 1_024;

/** The service, as node:http calls it. */
export async function createApp(routes: readonly Route[], around: Surroundings): Promise<RequestListener> {
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: PART_CHARACTERS_MAX },
    frameworkErrors: (error, _, reply) => void send(reply, detail(error.statusCode ?? 400, error.message)),
  });
  // Bodies are for the routes to read, whatever their sender calls them: each personality has its own words for a bad one.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, async (_: FastifyRequest, body: Buffer) => body);
  addHooks(app, around);
  for (const { method, path, handle } of routes) {
    app.route({
      method,
      url: path.replace(/\{(\w+)\}/g, ":$1"),
      handler: async (request, reply) => await answer(reply, await handle(callOf(request)), around.faults),
    });
  }
  app.setNotFoundHandler(async (request, reply) => await answer(reply, unrouted(request, routes), around.faults));
  app.setErrorHandler(async (error: FastifyError, _, reply) => await send(reply, answerOf(error, around.log)));
  await app.ready();
  return (request, response) => app.routing(request, response);
}

/** Counts every request, lets a fault have it, and asks who sent it: in this order, as a broken server asks nobody. */
function addHooks(app: FastifyInstance, { token, faults, stats }: Surroundings): void {
  app.addHook("onRequest", async (request, reply) => {
    stats?.count(nameOf(request), Number(request.headers["content-length"] ?? 0));
    const instead = await faults?.before();
    if (instead === "cut") {
      reply.hijack();
      reply.raw.destroy();
      return reply;
    }
    if (instead !== undefined) return await send(reply, instead);
    const isOpen = openPaths.has(request.routeOptions.url ?? "");
    if (isOpen || token === undefined || token.isIn(request.headers.authorization)) return undefined;
    const headers = { "www-authenticate": "Bearer" };
    return await send(reply, { ...detail(401, "the bearer token is missing or wrong"), headers });
  });
}

/** Sends what a route answers, or what a fault makes of it. */
async function answer(reply: FastifyReply, right: Answer, faults: Faults | undefined): Promise<FastifyReply> {
  const fault = faults?.current;
  switch (fault?.fault) {
    case "status":
      if (fault.status === 204) return await reply.code(204).send();
      return await send(reply, { ...right, status: fault.status });
    case "truncated-json": {
      const text = await textOf(right.body);
      return await send(reply, { ...right, body: text.slice(0, text.length / 2) });
    }
    case "reset-mid-body": {
      const text = Buffer.from(await textOf(right.body));
      reply.hijack();
      reply.raw.writeHead(right.status, { "content-type": right.type ?? JSON_TYPE, "content-length": text.length });
      reply.raw.write(text.subarray(0, text.length / 2), () => reply.raw.socket?.resetAndDestroy());
      return reply;
    }
    default:
      return await send(reply, right);
  }
}

async function send(
  reply: FastifyReply,
  { status, body, type = JSON_TYPE, headers = {} }: Answer,
): Promise<FastifyReply> {
  reply.code(status).headers(headers).type(type);
  if (typeof body === "string") return await reply.send(body);
  if (isPieces(body)) return await reply.send(Readable.from(body));
  return await reply.send(JSON.stringify(body));
}

async function textOf(body: Answer["body"]): Promise<string> {
  if (typeof body === "string") return body;
  if (!isPieces(body)) return JSON.stringify(body);
  let text = "";
  for await (const piece of body) text += piece;
  return text;
}

const isPieces = (body: object): body is AsyncIterable<string> => Symbol.asyncIterator in body;

function callOf({ params, query, headers, body }: FastifyRequest): Call {
  const queries = Object.entries(query as Record<string, string | string[]>);
  const client = headers["x-client-id"];
  return {
    params: params as Record<string, string>,
    query: Object.fromEntries(queries.map(([name, value]) => [name, Array.isArray(value) ? value.at(-1) : value])),
    client: typeof client === "string" && client !== "" ? client : "default",
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
  };
}

/** A path that is there under another method is 405, as the real server answers. */
function unrouted({ url }: FastifyRequest, routes: readonly Route[]): Answer {
  const [path = ""] = url.split("?");
  const isThere = routes.some((route) => new RegExp(`^${route.path.replace(/\{\w+\}/g, "[^/]+")}$`).test(path));
  return isThere ? methodNotAllowed : notFound;
}

/** A route as the counts call it. What has no route is one, so that there are only so many. */
function nameOf({ method, routeOptions }: FastifyRequest): string {
  return routeOptions.url === undefined ? "other" : `${method} ${routeOptions.url.replace(/:(\w+)/g, "{$1}")}`;
}

/** What is thrown as an answer. What nobody expected says nothing to the caller and everything to the log. */
function answerOf(error: FastifyError, log: Surroundings["log"]): Answer {
  if (error instanceof Refusal) return error.answer;
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") return detail(413, `the body has more than ${BODY_BYTES_MAX} bytes`);
  if (error.statusCode !== undefined && error.statusCode < 500) return detail(error.statusCode, error.message);
  log.error({ err: error }, "a request failed");
  const isStore = error instanceof StoreUnavailable || error.code?.startsWith("LEVEL_");
  return isStore ? detail(503, "the store is not available") : detail(500, "Internal Server Error");
}
