/** Each guarantee of the README, by its title, and the tests that prove it: the file, and its name, below its `describe`. */

export type Proof = readonly [file: string, name: string];

export const guarantees: Readonly<Record<string, readonly Proof[]>> = {
  "An answered Write is on disk": [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the name as the test file spells it
    ["crash.test.ts", "nothing is lost: seed ${seed}, kill %i"],
    ["storage-sync.test.ts", "with durability %s every batch is written with sync %s"],
    [
      "storage-commit.test.ts",
      "a failed batch refuses those who wait for it and those who came later, and nothing is written after it",
    ],
    [
      "service-write-stream-crash.test.ts",
      "after $signal at $killAt answers all that was answered is there, in order, and after repeating everything once",
    ],
  ],
  "Nothing is visible before it is durable": [
    ["support/storage-contract.ts", "a message is in the counters at once, and readable only when it is durable"],
    ["support/storage-contract-waiting.ts", "whoever waits wakes when the message is durable, and not before"],
    ["registry-rules.test.ts", "a refusal that stands on a pending change waits for it"],
    ["service-write-stream-pending.test.ts", "no answer leaves, and nobody can read a message, before it is durable"],
    ["service-write-stream-pending.test.ts", "a refusal waits for what it stands on, as its neighbours do"],
  ],
  "One order": [
    ["service-write.test.ts", "broadcasts and direct writes at the same time have one order, the same in every queue"],
    ["service-position.test.ts", "sequences are contiguous from 1, and a frame's position is the last one it covers"],
    [
      "service-write-stream.test.ts",
      "broadcasts and direct writes of one stream have one order, the same in every queue",
    ],
  ],
  "A broadcast is atomic": [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the name as the test file spells it
    ["crash.test.ts", "nothing is lost: seed ${seed}, kill %i"],
    ["service-write.test.ts", "a broadcast is one message with one delivery for each socket that can take it"],
  ],
  "AUTO delivers at most once": [
    [
      "service-read.test.ts",
      "readers that share a queue get each message once, and all of them together get every one",
    ],
    ["service-read.test.ts", "what a cancelled reader was not handed comes back, before anything newer"],
    ["service-restart.test.ts", "what an AUTO reader was handed stays settled over a clean restart"],
  ],
  "EXPLICIT delivers at least once": [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the name as the test file spells it
    ["chaos.test.ts", "every accepted message is settled once, whoever is killed: seed ${seed}"],
    [
      "service-ack.test.ts",
      "a delivered message stays in flight until it is acknowledged, and the socket tells so at each step",
    ],
  ],
  "What is settled never comes back": [
    ["storage-settled.test.ts", "what is settled above the floor is settled after a %s"],
    [
      "service-delivery-restart.test.ts",
      "what was settled never comes back, and what was not does, its attempts counted",
    ],
    ["service-delivery-restart.test.ts", "acks out of order are each remembered, and AUTO readers get the rest"],
    [
      "service-ack.test.ts",
      "an ack that comes late settles, because the work was done > when the message waits to be delivered again",
    ],
  ],
  "In order, one at a time": [
    ["service-ack.test.ts", "nothing newer is delivered before an answer, as long as max_outstanding is 1"],
    ["service-delivery-restart.test.ts", "a delay goes on, and what waits for it holds up the order"],
  ],
  "What is not acknowledged comes again": [
    ["service-release.test.ts", "what a cancelled stream had does not wait for its grace"],
    [
      "service-redelivery.test.ts",
      "a deadline that passes > is a failed attempt: the message comes again, before anything newer",
    ],
    [
      "service-redelivery.test.ts",
      "a stream that breaks > has its messages delivered again after the grace, which is no failed attempt",
    ],
    [
      "service-redelivery.test.ts",
      "a message that is given back > waits for its delay, and is not in flight meanwhile",
    ],
  ],
  "Attempts survive": [
    [
      "registry-holding.test.ts",
      "a message leaves when what was decided up to its delivery is durable, and not before",
    ],
    ["service-delivery-restart.test.ts", "a deadline goes on: what is left of it is left"],
    ["service-delivery-restart.test.ts", "what an open stream had comes back after the grace, counted from the start"],
    ["storage-marks.test.ts", "marks, and when the agent was seen, are there after a %s"],
  ],
  "A message that fails is parked": [
    [
      "service-parking.test.ts",
      "a message is parked > when it has been given back as often as it may be delivered, and the next one goes on",
    ],
    ["service-parking.test.ts", "a message is parked > not because streams break"],
    [
      "service-parking.test.ts",
      "Requeue > puts all that is parked back, in the places that it had, with all attempts before it",
    ],
  ],
  "One reader, if it asks": [
    ["service-exclusive.test.ts", "of two at once one stays, and it is the one that gets the messages"],
  ],
  "One Write for each request_id": [
    [
      "registry-retries.test.ts",
      "a Write that comes again before the first is durable is answered when that is, with its answer",
    ],
    [
      "service-retry.test.ts",
      "a Write that is repeated > while the first is under way waits for it, however many there are",
    ],
    ["service-retry.test.ts", "how long it is remembered > over a restart, and when retention let the message go"],
    ["storage-answers.test.ts", "an answer and its entry are there together or not at all"],
    [
      "service-write-stream.test.ts",
      "a request_id is written once: in one frame, on another stream, by Write, and after a restart",
    ],
    [
      "service-write-stream-ends.test.ts",
      "a server that stops in the middle says so, and whoever repeats everything has each message once",
    ],
  ],
  "A stream of writes keeps its order": [
    ["service-write-stream.test.ts", "results come in the order of the writes, however these are framed"],
    ["service-write-stream.test.ts", "three streams that write into one queue each have their own order there"],
    ["service-write-stream.test.ts", "a write %s is refused as by Write, and nothing else is"],
    [
      "service-write-stream-pending.test.ts",
      "a store that takes nothing ends the stream before the next write is decided",
    ],
    [
      "service-write-stream-crash.test.ts",
      "after $signal at $killAt answers all that was answered is there, in order, and after repeating everything once",
    ],
  ],
  "A full queue tells the author": [
    ["service-queue.test.ts", "a queue takes as many messages as its limit and refuses the next one"],
    ["service-queue.test.ts", "a full queue takes nothing from a broadcast that others get"],
  ],
  "Loss is announced": [
    ["service-queue.test.ts", "DROP_OLDEST makes room at the old end, and a GAP tells how many went"],
    ["service-position.test.ts", "a looker that is overtaken by retention is told what it missed"],
    [
      "service-restart.test.ts",
      "a drop that readers were told of is not told again after a restart, and one that they were not is",
    ],
  ],
  "A lost place is said": [
    ["service-position.test.ts", "a position %s is lost, and the error says from where to go on"],
    [
      "service-position.test.ts",
      "a position whose successors retention has let go of is lost, and the oldest one can be read from",
    ],
  ],
  "An old epoch does nothing": [
    ["service-ack.test.ts", "a wrong epoch makes everything that is named stale, and nothing of it happens"],
    ["service-position.test.ts", "a position from before a reset is lost"],
  ],
  "No false alarm": [
    ["service-liveness.test.ts", "time > that jumps on the wall expires nobody and keeps nobody"],
    ["service-liveness.test.ts", "time > after a start is given to everybody, so that a restart is no alarm"],
    [
      "service-presence.test.ts",
      "a connection that died without a word > keeps nobody alive, once the server has asked and got no answer",
    ],
  ],
  "A Watch misses nothing": [
    ["registry-watch.test.ts", "what changes while a snapshot becomes durable is told after it, once"],
    ["service-watch-resume.test.ts", "a listing and a Watch after its revision miss nothing and tell nothing twice"],
    ["service-watch.test.ts", "a watcher that reads nothing for long has missed nothing when it reads on"],
  ],
  "An Ask can be resumed": [
    ["service-ask-again.test.ts", "gets the replies so far, those that came meanwhile, and the rest"],
    ["service-ask-again.test.ts", "while it is still there gets the same, and the question is asked once"],
  ],
  "An end of stream means one thing": [
    ["service-read.test.ts", "a read ends with OK after max_messages, and the next one goes on from there"],
    ["service-read.test.ts", "Delete ends open reads with NOT_FOUND and SOCKET_DELETED"],
    ["service-read.test.ts", "shutdown ends open reads with UNAVAILABLE and SHUTTING_DOWN, and loses nothing"],
    [
      "service-write-stream-ends.test.ts",
      "when the client has ended its side everything is answered, and then the stream ends with OK",
    ],
  ],
  "A slow reader costs its place": [
    ["service-read.test.ts", "a reader that does not read holds one frame, and the server no more for it"],
    ["memory.test.ts", "with higher limits 1 GiB for such a reader stays out of memory"],
    ["service-write-stream-flow.test.ts", "what a client that takes no answers sends costs little memory"],
  ],
  "The replica is never waited for": [
    ["replication.test.ts", "with an Engram that never answers ten thousand Writes complete"],
    ["replication.test.ts", "a server starts and serves without its Engram, and replicates when that appears"],
  ],
  "What is confirmed as replicated is there after a restore": [
    ["replication.test.ts", "what a disk held is there again after it burned: sockets, contexts, queues, in order"],
    ["replication.test.ts", "what was settled stays so, and what was in flight or parked comes back as that"],
  ],
  "Damage is found": [
    [
      "storage-files.test.ts",
      "a flipped byte anywhere in LevelDB's logs is survived: nothing wrong is served, and every loss is said",
    ],
    ["storage-damage.test.ts", "a torn end of LevelDB's log is found by what was acknowledged"],
  ],
  "What is deleted is erased": [
    ["support/storage-contract-queues.ts", "what a queue leaves behind is erased, unless another queue retains it"],
    ["storage-recovery.test.ts", "what a deleted socket left is erased after a %s too"],
  ],
};
