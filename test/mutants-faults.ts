/** The faults that `mutants.ts` plants: each is a text of one file in `src`, what stands there instead, and who must see it. */

export interface Fault {
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  /** Stands there once. */
  readonly text: string;
  readonly instead: string;
  /** The test files of which one at least must fail. */
  readonly tests: readonly string[];
}

export const faults: readonly Fault[] = [
  {
    name: "skip the fsync",
    file: "storage/level-log.ts",
    text: 'sync: options.durability === "fsync",',
    instead: "sync: false,",
    tests: ["storage-sync"],
  },
  {
    name: "answer before commit",
    file: "storage/commit.ts",
    text: "return this.#pending?.durable ?? this.#writing ?? Promise.resolve();",
    instead: "return Promise.resolve();",
    tests: ["storage-commit"],
  },
  {
    name: "wake before commit",
    file: "storage/level-log.ts",
    text: "this.#growing.add(event);",
    instead:
      "this.#growing.add(event);\n      this.state.durableRevision = revision;\n      this.#hooks.grown(this.#growing);",
    tests: ["storage-level"],
  },
  {
    name: "write on after a failed batch",
    file: "storage/commit.ts",
    text: "    this.#failure = error;\n",
    instead: "",
    tests: ["storage-commit"],
  },
  {
    name: "drop a cursor write",
    file: "storage/level-log.ts",
    text: "if (this.state.queue(queue.number) !== queue) continue;",
    instead: "if (this.state.queue(queue.number) !== queue || queue.floor % 2 === 1) continue;",
    tests: ["service-restart", "service-delivery-restart"],
  },
  {
    name: "lose the set of what is settled above the floor",
    file: "storage/cursor.ts",
    text: "const settled = this.#settled === undefined ? NONE : [...this.#settled].sort(([a], [b]) => a - b);",
    instead: "const settled = NONE;",
    tests: ["storage-settled"],
  },
  {
    name: "lose the marks at a restart",
    file: "storage/cursor.ts",
    text: "for (const mark of place.marks) {",
    instead: "for (const mark of place.marks.slice(1)) {",
    tests: ["storage-marks"],
  },
  {
    name: "forget the attempts at a restart",
    file: "registry/slots.ts",
    text: '    state: state === "WAITING" ? "WAITING" : "OUT",\n    failures,',
    instead: '    state: state === "WAITING" ? "WAITING" : "OUT",\n    failures: 0,',
    tests: ["service-delivery-restart"],
  },
  {
    name: "hand out before the mark is durable",
    file: "registry/holding.ts",
    text: "    await this.#storage.durable();\n    if",
    instead: "    if",
    tests: ["registry-holding"],
  },
  {
    name: "redeliver before the grace",
    file: "registry/outstanding.ts",
    text: "this.#break(slot, this.#context.limits.returnGraceMs);",
    instead: "this.#break(slot, 0);",
    tests: ["service-redelivery"],
  },
  {
    name: "count a returned delivery as failed",
    file: "registry/outstanding.ts",
    text: "else if (slot.isBroken) this.#wait(slot, nowMs);",
    instead: "else if (slot.isBroken) this.#fail(slot, nowMs);",
    tests: ["service-redelivery"],
  },
  {
    name: "deliver past max_outstanding",
    file: "registry/delivery.ts",
    text: "return messages === 0 || (messages < messagesMax && bytes + size <= bytesMax);",
    instead: "return messages === 0 || (messages <= messagesMax && bytes + size <= bytesMax);",
    tests: ["service-ack"],
  },
  {
    name: "pass what waits to be delivered again, in order or not",
    file: "registry/slots.ts",
    text: 'if (inOrder) return "blocked";',
    instead: "",
    tests: ["service-redelivery", "service-exclusive"],
  },
  {
    name: "deliver what is new before what comes again",
    file: "registry/delivery.ts",
    text: "if (again !== undefined && again.sequence < fresh) return again.sequence;",
    instead: "if (again !== undefined && !Number.isFinite(fresh)) return again.sequence;",
    tests: ["service-redelivery"],
  },
  {
    name: "park one attempt too late",
    file: "registry/outstanding.ts",
    text: "if (slot.failures < this.#terms.maxDeliveryAttempts) {",
    instead: "if (slot.failures <= this.#terms.maxDeliveryAttempts) {",
    tests: ["service-parking"],
  },
  {
    name: "settle by an ack of another epoch",
    file: "registry/acknowledge.ts",
    text: 'if (found === undefined || (request.epoch !== "" && request.epoch !== found.row.epoch)) {',
    instead: "if (found === undefined) {",
    tests: ["service-ack"],
  },
  {
    name: "settle what was never delivered",
    file: "registry/outstanding.ts",
    text: 'if (!isDelivered && storage.queue(this.#number).marks.get(sequence)?.state !== "PARKED") return false;',
    instead: "if (storage.queue(this.#number).isSettled(sequence)) return false;",
    tests: ["service-ack"],
  },
  {
    name: "lose what AUTO could not hand over",
    file: "registry/reader.ts",
    text: "this.#delivery.release(claimed);",
    instead: "this.#delivery.settle(claimed);",
    tests: ["service-exclusive"],
  },
  {
    name: "leave the readers of before beside an exclusive one",
    file: "registry/readers.ts",
    text: "if (reader.isExclusive) for (const other of others) other.end(superseded(row));\n    else if (",
    instead: "if (!reader.isExclusive && ",
    tests: ["service-exclusive"],
  },
  {
    name: "count a loss as told before anybody was told",
    file: "registry/announcer.ts",
    text: "      this.#telling = { teller, reason, count };\n",
    instead: "      this.#storage.announceDrops(this.#number, reason, count);\n",
    tests: ["registry-streams"],
  },
  {
    name: "announce no GAP",
    file: "registry/announcer.ts",
    text: "      return { reason, count };\n",
    instead: "",
    tests: ["service-queue"],
  },
  {
    name: "resume from a place of another epoch",
    file: "registry/reader.ts",
    text: "if (isCurrent && after.sequence",
    instead: "if (after.sequence",
    tests: ["service-position"],
  },
  {
    name: "forget the request_ids at a restart",
    file: "storage/answers.ts",
    text: "answers.#index(keyOfAnswer(value), number64(key));",
    instead: "keyOfAnswer(value);",
    tests: ["storage-answers"],
  },
  {
    name: "answer a twin before it is durable",
    file: "registry/retries.ts",
    text: "    await this.#storage.durable();\n",
    instead: "",
    tests: ["registry-retries"],
  },
  {
    name: "let leases run out by the wall clock",
    file: "registry/alarms.ts",
    text: "    this.#clock = clock;\n",
    instead: `    const aheadMs = clock.wallMs() - clock.elapsedMs();
    this.#clock = {
      wallMs: () => clock.wallMs(),
      elapsedMs: () => clock.wallMs() - aheadMs,
      after: (ms, ring) => clock.after(ms, ring),
    };
`,
    tests: ["service-liveness"],
  },
  {
    name: "skip the grace of leases after a start",
    file: "registry/liveness.ts",
    text: "Math.max(lease.durationMs, limits.leaseStartGraceMs)",
    instead: "lease.durationMs",
    tests: ["service-liveness"],
  },
  {
    name: "skip a change between a snapshot and what follows",
    file: "registry/watch.ts",
    text: "      revision = snapshot.revision;\n",
    instead: "      revision = storage.revision;\n",
    tests: ["registry-watch"],
  },
  {
    name: "resume an Ask without the replies so far",
    file: "registry/ask.ts",
    text: "if (isAgain) listener.replies",
    instead: "if (false) listener.replies",
    tests: ["service-ask-again"],
  },
  {
    name: "keep what a deleted socket had",
    file: "storage/level-log.ts",
    text: "for (const _ of this.state.erase()) await new Promise((resolve) => setImmediate(resolve));",
    instead: "",
    tests: ["storage-level", "storage-recovery"],
  },
  {
    name: "believe a peer that says it stored",
    file: "replication/mirror.ts",
    text: "if (this.#puts++ % SAMPLE === 0) await",
    instead: "if (this.#puts++ < 0) await",
    tests: ["replication-mirror"],
  },
  {
    name: "believe a peer that says it removed",
    file: "replication/mirror.ts",
    text: "if ((await dialect.get(this.#namespace, key, signal)) !== undefined) {",
    instead: "if (key === undefined) {",
    tests: ["replication-mirror"],
  },
  {
    name: "take a namespace from a holder that is alive",
    file: "replication/claim.ts",
    text: "if (now.process !== found.process || now.beat !== found.beat) return false;",
    instead: "",
    tests: ["replication-claim"],
  },
  {
    name: "write over the state of another registry",
    file: "replication/replica.ts",
    text: "if (foreign !== undefined) {",
    instead: "if (signal === undefined) {",
    tests: ["replication-restore"],
  },
];
