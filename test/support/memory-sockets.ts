import { randomBytes } from "node:crypto";
import {
  type Change,
  type LogEvent,
  type Profile,
  type SocketDraft,
  type SocketNumber,
  type SocketRow,
  TEAM_NUMBER,
} from "../../src/registry/storage.js";

type SocketEvent = Exclude<LogEvent, { kind: "message" }>;

/** What an event did to a socket: the change, the queue that ended, the queue that began. */
interface Changed {
  readonly change: Change;
  readonly ended?: SocketNumber | undefined;
  readonly began?: SocketNumber | undefined;
}

/** The rows and profiles of the storage in memory. */
export class MemorySockets {
  readonly rows = new Map<SocketNumber, SocketRow>();
  readonly #profiles = new Map<SocketNumber, Profile>();
  #nextNumber = TEAM_NUMBER;

  /** @throws when there is no such socket */
  row(number: SocketNumber): SocketRow {
    const row = this.rows.get(number);
    if (row === undefined) throw new Error(`there is no socket number ${number}`);
    return row;
  }

  /** The number of the next socket or consumer. */
  takeNumber(): SocketNumber {
    return this.#nextNumber++;
  }

  profile(number: SocketNumber): Profile {
    return this.#profiles.get(number) ?? { prompt: "", context: undefined };
  }

  change(event: SocketEvent, revision: number, timeMs: number): Changed {
    switch (event.kind) {
      case "create": {
        if (event.replaces !== undefined) this.#delete(event.replaces);
        const row = this.#create(event.draft, revision, timeMs);
        this.#profiles.set(row.number, event.profile);
        return { change: { revision, kind: "CREATED", row }, ended: event.replaces, began: row.number };
      }
      case "delete": {
        const row = this.row(event.number);
        this.#delete(event.number);
        return { change: { revision, kind: "DELETED", row }, ended: row.number };
      }
      case "change": {
        const row = this.#replace(event.number, event.draft, revision, timeMs);
        const { prompt, context } = this.profile(row.number);
        const { prompt: newPrompt = prompt, context: newContext = { value: context } } = event.profile ?? {};
        this.#profiles.set(row.number, { prompt: newPrompt, context: newContext.value });
        return { change: { revision, kind: event.what, row } };
      }
      case "reset": {
        const epoch = event.queue ? newEpoch(revision) : {};
        const row = this.#replace(event.number, event.draft, revision, timeMs, epoch);
        if (event.context) this.#profiles.set(row.number, { ...this.profile(row.number), context: undefined });
        const change: Change = { revision, kind: event.queue ? "RESET" : "UPDATED", row };
        return event.queue ? { change, ended: row.number, began: row.number } : { change };
      }
    }
  }

  #create(draft: SocketDraft, revision: number, timeMs: number): SocketRow {
    const row: SocketRow = {
      ...draft,
      number: this.takeNumber(),
      createdMs: timeMs,
      createdRevision: revision,
      changedMs: timeMs,
      ...newEpoch(revision),
      changedRevision: revision,
    };
    this.rows.set(row.number, row);
    return row;
  }

  #replace(
    number: SocketNumber,
    draft: SocketDraft,
    revision: number,
    timeMs: number,
    epoch: Partial<SocketRow> = {},
  ): SocketRow {
    const { socketId, model, state, stateReason, stateMessage, labels, config } = draft;
    const changed = { socketId, model, state, stateReason, stateMessage, labels, config };
    const row = { ...this.row(number), ...changed, ...epoch, changedMs: timeMs, changedRevision: revision };
    this.rows.set(number, row);
    return row;
  }

  #delete(number: SocketNumber): void {
    this.rows.delete(number);
    this.#profiles.delete(number);
  }
}

function newEpoch(revision: number): Pick<SocketRow, "epoch" | "epochRevision"> {
  return { epoch: randomBytes(4).toString("hex"), epochRevision: revision };
}
