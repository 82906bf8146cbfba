/** Which routes each personality has. */
import { aug } from "./aug.js";
import type { Esr } from "./esr.js";
import { head } from "./head.js";
import { Journal } from "./journal.js";
import { kv } from "./kv.js";
import { Memories } from "./memories.js";
import { mid } from "./mid.js";
import type { PersonalityName, Route } from "./route.js";
import type { Life } from "./status.js";
import type { Rows } from "./store.js";

export function personalities(rows: Rows, esr: Esr, life: Life): Record<PersonalityName, readonly Route[]> {
  const journal = new Journal(rows);
  return {
    kv: kv(new Memories(rows), life),
    mid: mid(journal, life, true),
    "mid-faiss": mid(journal, life, false),
    aug: aug(journal, life),
    head: head(esr, life),
  };
}
