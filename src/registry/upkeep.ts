import type { Parts } from "./parts.js";
import { TEAM_NUMBER } from "./storage.js";

/** Does what comes with time and needs no precise moment. Called about once a second. */
export async function upkeep(parts: Parts): Promise<void> {
  const { storage, clock, limits } = parts;
  parts.sync();
  parts.expiry.sweep();
  parts.liveness.keep();
  parts.retries.sweep(clock.elapsedMs());
  for (const number of parts.consumers.sweep()) parts.deliveries.forget(number);
  shortenFeed(parts);
  const { retainedMessages: messages, retainedBytes: bytes, retainedAgeMs: ageMs } = limits;
  await storage.retain({ messages, bytes, ageMs });
}

/** What has been on the feed for as long as settled messages are kept goes, whether somebody read it or not. */
function shortenFeed({ storage, clock, limits, deliveries }: Parts): void {
  const row = storage.socket(TEAM_NUMBER);
  const feed = storage.queue(TEAM_NUMBER);
  const nowMs = clock.wallMs();
  const oldestMs = nowMs - limits.retainedAgeMs;
  const before = feed.dropped;
  while (row !== undefined && (feed.oldestUnsettledMs ?? nowMs) < oldestMs) {
    deliveries.drop(row, [feed.oldestUnsettled], "OVERFLOW");
  }
  // Those who wait for a message must learn that there are fewer.
  if (feed.dropped > before) storage.wake(TEAM_NUMBER);
}
