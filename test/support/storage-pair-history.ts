/** What a store tells of its log and of the answers it remembers, to be compared with what another tells. */
import type { Change, Fate, Storage } from "../../src/registry/storage.js";

/** Of long histories not every message is looked at. */
const MESSAGES = 40;
const QUESTIONS = 10;

/** The oldest and the newest are looked at one by one. */
function stepAt(revision: number, newest: number): number {
  const isNearAnEnd = revision < MESSAGES || newest - revision < MESSAGES;
  return isNearAnEnd ? 1 : Math.min(Math.ceil(newest / MESSAGES), newest - revision);
}

/** Where history ends. An entry that was erased is passed sooner or later, so that two stores may differ in that. */
interface Floors {
  readonly low: number;
  readonly high: number;
}

export function floorsOf(...storages: Storage[]): Floors {
  const floors = storages.map(({ historyFloor }) => historyFloor);
  return { low: Math.min(...floors), high: Math.max(...floors) };
}

/** Everything but what nobody could ask for through a queue that is there: that is erased sooner or later. */
export async function historyOf(storage: Storage, { low, high }: Floors): Promise<object> {
  const fates = new Map<string, Fate>();
  const held = new Set<number>();
  const sockets = [...storage.sockets()];
  const numbers = [...sockets, ...storage.consumers()].map(({ number }) => number);
  const newest = storage.revision;
  for (let revision = 1; revision <= newest; revision += stepAt(revision, newest)) {
    for (const number of numbers) {
      const fate = await storage.fate(number, revision);
      if (fate === undefined || (fate.sequence === 0 && revision > low)) continue;
      fates.set(`${revision} in ${number}`, fate);
      if (fate.sequence > 0) held.add(revision);
    }
  }
  const letters: object[] = [];
  const replies: object[] = [];
  for (const revision of held) {
    const letter = await storage.letter(revision);
    letters.push({ ...letter, revision, body: letter && Buffer.from(letter.body).toString() });
  }
  for (const question of [...held].slice(0, QUESTIONS)) {
    const found = await storage.replies(question, 0);
    replies.push({ question, found: found.filter((reply) => held.has(reply)) });
  }
  const { durableRevision } = storage;
  return { durableRevision, fates, letters, replies, changes: await changesOf(storage, high) };
}

/** The answers to some keys. */
export async function answersOf(storage: Storage, keys: Iterable<string>): Promise<object> {
  const answers: object[] = [];
  for (const key of keys) {
    const isRemembered = storage.isRemembered(key);
    answers.push({ key, isRemembered, answer: await storage.recall(key) });
  }
  return { count: storage.rememberedCount, from: storage.rememberedFrom, answers };
}

/** The changes that every store has to tell, page by page. */
async function changesOf(storage: Storage, floor: number): Promise<Change[]> {
  const found: Change[] = [];
  for (let after = floor; after < storage.durableRevision; ) {
    const page = await storage.changes(after, 3);
    if (page === undefined || page.through <= after) throw new Error(`changes after ${after} are missing`);
    found.push(...page.changes.map((change) => ({ ...change, row: { ...change.row, epoch: "" } })));
    after = page.through;
  }
  return found;
}
