/**
 * The personality `head`: the real Engram of September 2025. Whatever would keep a memory fails, changes and deletions are
 * said to be made, and what does work (esr.ts) is in RAM.
 */
import { idOf, insights, stubs, UPLOAD_PATH, withCanned } from "./aug.js";
import { type Esr, esrRoutes } from "./esr.js";
import { NAMESPACE_DEFAULT } from "./journal.js";
import { bodyOf, contentOf, queryOf, withDocuments } from "./mid.js";
import { type Call, failure, ok, Refusal, type Route } from "./route.js";
import type { Life } from "./status.js";

export function head(esr: Esr, life: Life): readonly Route[] {
  return withDocuments(life, [...memoryRoutes, ...stubs(), insights, ...esrRoutes(esr)]);
}

/** What the real server fails with: the storage that it asks has no such method. */
const fails = (doing: string, method: string) => (): never => {
  throw new Refusal(failure(500, `Error ${doing}: 'StorageService' object has no attribute '${method}'`));
};
const addFails = fails("adding memory", "add");
const searchFails = fails("searching memory", "search");

const memoryRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/api/v1/memory",
    about: "Never worked.",
    handle: (call) => {
      contentOf(bodyOf(call, "adding memory"));
      return addFails();
    },
  },
  withCanned({
    method: "GET",
    path: "/api/v1/memory/{memory_id}",
    about: "Finds nothing, but for two memories that are always there.",
    handle: (call) => failure(404, `Memory ${idOf(call)} not found in namespace ${namespaceOf(call)}`),
  }),
  {
    method: "POST",
    path: "/api/v1/search",
    about: "Never worked.",
    handle: (call) => {
      queryOf(bodyOf(call, "searching memory"));
      return searchFails();
    },
  },
  { method: "POST", path: UPLOAD_PATH, about: "Never worked.", handle: fails("uploading file", "add") },
  { method: "POST", path: "/api/v1/context", about: "Always empty.", handle: () => ok({ context: [] }) },
  { method: "GET", path: "/api/v1/namespaces", about: "Always none.", handle: () => ok([]) },
  {
    method: "GET",
    path: "/api/v1/compartments",
    about: "Never worked.",
    handle: fails("listing compartments", "list_compartments"),
  },
  {
    method: "POST",
    path: "/api/v1/compartments",
    about: "Never worked.",
    handle: fails("creating compartment", "create_compartment"),
  },
];

const namespaceOf = ({ query }: Call): string => query["namespace"] ?? NAMESPACE_DEFAULT;
