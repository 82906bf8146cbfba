import { orRefuse } from "./answer.js";
import type { Frame } from "./frames.js";
import { OpenRead, type ReadContext, type StreamCall } from "./open-read.js";
import type { ReadRequest } from "./read-request.js";

/**
 * Streams a socket's messages until the request's end, the socket's, or the signal's. The next frame is asked for when
 * the one before is with the transport, and that is when its messages count as handed over.
 *
 * Between a look at the state and what follows from it nothing is awaited, so that no reset, deletion or wake-up can
 * come in between; after everything that was awaited the loop looks again. It is one generator, and not a chain of
 * them, because ten thousand idle ones are kept in memory.
 *
 * @throws SOCKET_NOT_FOUND, SOCKET_DELETED, READER_LIMIT, READER_SUPERSEDED, POSITION_LOST
 */
export async function* read(
  context: ReadContext,
  request: ReadRequest,
  call: StreamCall,
): AsyncGenerator<Frame, void, undefined> {
  const { storage } = context;
  const { signal } = call;
  const { open, started } = await orRefuse(storage, () => {
    const open = new OpenRead(context, request, call);
    // Now, because in a moment the socket may be gone.
    return { open, started: open.started() };
  });
  try {
    await storage.durable();
    if (started !== undefined) yield started;
    await open.settleIn();
    while (!open.isDone) {
      signal.throwIfAborted();
      const news = open.news();
      if (news !== undefined) {
        await storage.durable();
        if (news instanceof Error) throw news;
        yield news;
        open.handed();
      } else if (open.isReady) {
        const taking = open.take();
        if (taking !== undefined) await taking;
        // No variable holds the frame: while nothing comes it would keep its messages alive.
        if (open.frame === undefined) continue;
        yield open.frame;
        open.handed();
      } else if (request.noWait) {
        break;
      } else {
        const event = open.dueEvent();
        if (event === undefined) {
          await open.wait(signal);
        } else {
          yield event;
          open.handed();
        }
      }
    }
    await open.finish();
  } finally {
    open.close();
  }
}
