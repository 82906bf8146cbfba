/** The routes that say who serves and how it is, in the real server's shapes. */
import { detail, ok, type Route, timestamp } from "./route.js";

/** The version that the real servers of the time told, and this one tells too. */
const ENGRAM_VERSION = "0.1.0";
const head = { component: "engram", version: ENGRAM_VERSION };

/** What an Engram knows about itself while it runs. */
export interface Life {
  /** The port it serves on. */
  port: number;
  /** When its life began, by the monotonic clock. A life that begins anew shows as an uptime that went down. */
  bornMs: number;
}

/** `/health` and `/ready`. They are open to callers without a token. */
export function statusRoutes(life: Life): readonly Route[] {
  return [
    { method: "GET", path: "/health", about: "How the service is.", handle: () => ok(healthOf(life)) },
    { method: "GET", path: "/ready", about: "Whether it is ready, and since when.", handle: () => ok(readyOf(life)) },
  ];
}

/** `/`, with the place of the documentation. */
export function rootRoute(description: string, docs: string): Route {
  const body = { service: "Engram Memory API", version: ENGRAM_VERSION, description, mode: "standalone" };
  return { method: "GET", path: "/", about: "What serves here.", handle: () => ok({ ...body, fallback: true, docs }) };
}

/** An OpenAPI document of these routes, and of itself. */
export function openapiRoute(path: string, routes: readonly Route[]): Route {
  const route: Route = {
    method: "GET",
    path,
    about: "This document.",
    handle: () => ok({ openapi: "3.1.0", info: { title: "engram API", version: ENGRAM_VERSION }, paths }),
  };
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, about } of [...routes, route]) {
    paths[path] = {
      ...paths[path],
      [method.toLowerCase()]: { summary: about, responses: { "200": { description: "" } } },
    };
  }
  return route;
}

/** The real server's own list of its routes. What it says of the storage never was true. */
export function discoveryRoute(routes: readonly Route[]): Route {
  const endpoints = routes.map(({ path, method, about }) => ({ path, method, description: about, tags: null }));
  const body = { ...head, description: "Memories, by substring", endpoints, metadata: { storage_type: "vector" } };
  return { method: "GET", path: "/api/v1/discovery", about: "The routes.", handle: () => ok(body) };
}

export const notFound = detail(404, "Not Found");
export const methodNotAllowed = detail(405, "Method Not Allowed");

function healthOf({ port }: Life) {
  return {
    status: "healthy",
    ...head,
    timestamp: timestamp(),
    uptime: null,
    port,
    registeredWithHermes: false,
    dependencies: [],
    metrics: {},
    details: {
      memory_manager_initialized: true,
      storage_mode: "fallback",
      vector_available: false,
      hermes_integration: false,
      default_client_id: "default",
    },
  };
}

/** `initializationTime` is the uptime in seconds, whatever its name says. */
function readyOf({ bornMs }: Life) {
  const initializationTime = (performance.now() - bornMs) / 1_000;
  return { ready: true, ...head, initializationTime, timestamp: timestamp() };
}
