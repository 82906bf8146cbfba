import type { Storage } from "./storage.js";

/**
 * Decides now, on everything that was appended so far, and lets the outcome out when all that it can stand on is
 * durable. That holds for a refusal too: a socket that is not there may be one whose deletion is still under way.
 */
export async function answer<T>(storage: Storage, decide: () => T | Promise<T>): Promise<T> {
  try {
    const decided = decide();
    // Not to wait for what is here already.
    return decided instanceof Promise ? await decided : decided;
  } finally {
    await storage.durable();
  }
}

/** The same for who has more to do before the outcome may leave: only a refusal waits here. */
export async function orRefuse<T>(storage: Storage, decide: () => T): Promise<T> {
  try {
    return decide();
  } catch (error) {
    await storage.durable();
    throw error;
  }
}
