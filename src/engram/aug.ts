/**
 * The personality `aug`: the real Engram of August 2025. It is `mid` with routes that say success and do nothing: two
 * memories that are always there, changes and deletions that are not made.
 */
import type { Journal } from "./journal.js";
import { logRoutes, withDocuments } from "./mid.js";
import { type Call, ok, type Route, timestamp } from "./route.js";
import type { Life } from "./status.js";

/** The memories that the real server answers without having them. */
const CANNED: Readonly<Record<string, object>> = {
  "1": cannedOf("1", "conversation", "shared", "2023-05-15", "3.2 KB"),
  "2": cannedOf("2", "document", "private", "2023-04-28", "15.7 KB"),
};

export function aug(journal: Journal, life: Life): readonly Route[] {
  const routes = logRoutes(journal, true).map((route) => (isGet(route) ? withCanned(route) : route));
  return withDocuments(life, [...routes, ...stubs(), insights, upload(journal)]);
}

/** The route, but for the memories that are always there. */
export function withCanned(route: Route): Route {
  return {
    ...route,
    handle: (call) => {
      const canned = CANNED[idOf(call)];
      return canned === undefined ? route.handle(call) : ok(canned);
    },
  };
}

/** Routes that answer as if they had done it. */
export function stubs(): readonly Route[] {
  const path = "/api/v1/memory/{memory_id}";
  return [
    {
      method: "PUT",
      path,
      about: "Says that it changed a memory.",
      handle: (call) => ok({ id: idOf(call), status: "success", updated_at: timestamp() }),
    },
    {
      method: "DELETE",
      path,
      about: "Says that it deleted a memory.",
      handle: (call) => ok({ id: idOf(call), status: "deleted" }),
    },
  ];
}

export const insights: Route = {
  method: "GET",
  path: "/api/v1/insights",
  about: "Always the same.",
  handle: () => ok({ insights: [], total_memories: 247 }),
};

export const UPLOAD_PATH = "/api/v1/memory/upload";

/** It asks for a namespace that there is not, so that what is uploaded lands among the conversations. */
function upload(journal: Journal): Route {
  return {
    method: "POST",
    path: UPLOAD_PATH,
    about: "Adds the content of a file.",
    handle: async (call) => {
      await journal.add(call.client, "documents", fileOf(call), {});
      return ok({ id: true, status: "success" });
    },
  };
}

/** The first part of a form, without its headers and the boundary behind it. */
function fileOf({ body }: Call): string {
  const [, content = ""] = body.toString().split(/\r?\n\r?\n/, 2);
  return content.replace(/\r?\n--[^\n]*\s*$/, "");
}

export const idOf = ({ params }: Call): string => params["memory_id"] ?? "";

const isGet = ({ method, path }: Route): boolean => method === "GET" && path === "/api/v1/memory/{memory_id}";

function cannedOf(id: string, type: string, sharing: string, created: string, size: string): object {
  return { id, title: `Canned memory ${id}`, type, sharing, created_at: created, size, content: "It is always there." };
}
