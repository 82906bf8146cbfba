import { WatchEventType, WatchRequest, type WatchResponse } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseUint64 } from "../arguments.js";
import { type Context, defineCommand } from "../command.js";
import { enumName, watchJson } from "../json.js";
import { reopen } from "../reopen.js";
import { socketLine } from "../socket.js";

/** Tells us how far the server is where nothing changes. */
const heartbeatInterval = { seconds: 15n, nanos: 0 };

export const watch = defineCommand({
  name: "watch",
  parameters: ["[SOCKET]"],
  summary: "Prints how the sockets are, and then every change: a line of revision, event and socket.",
  notes: "It goes on over restarts of the server, after the last change that it saw.",
  options: {
    "after-revision": { type: "string", value: "N", help: "print the changes after this revision instead" },
    json: { type: "boolean", help: "one JSON object a line" },
  },
  async run(context, values, [socketId = ""]) {
    const afterRevision = parseUint64("--after-revision", values["after-revision"]) ?? 0n;
    const request = WatchRequest.fromPartial({ socketId, afterRevision, heartbeatInterval });
    for await (const event of eventsOf(context, request)) {
      if (event.type === WatchEventType.WATCH_EVENT_TYPE_HEARTBEAT) continue;
      if (values.json === true) await context.output.printJson([watchJson(event)]);
      else await context.output.print(eventLine(event));
    }
    return undefined;
  },
});

/** The events of one Watch after another. */
async function* eventsOf(
  { client, signal, output }: Context,
  original: WatchRequest,
): AsyncGenerator<WatchResponse, void, undefined> {
  // Where nothing changes the stream is silent at first. That there is a server must be known to wait for it later.
  await client.getServerInfo({});
  let request = original;
  yield* reopen({
    open: () => client.watch(request, signal),
    onFrame: ({ type, revision }) => {
      // A snapshot that breaks off has to be taken again: its revision is that of its end.
      if (type === WatchEventType.WATCH_EVENT_TYPE_SNAPSHOT) return;
      request = { ...request, afterRevision: revision };
    },
    isEnd: () => false,
    signal,
    announce: output.warn,
    doing: "watching",
  });
}

function eventLine({ revision, type, socket }: WatchResponse): string {
  const event = enumName(WatchEventType, type).replace("WATCH_EVENT_TYPE_", "");
  const line = socket === undefined ? `${revision} ${event}` : `${revision} ${event} ${socketLine(socket)}`;
  return `${line.replaceAll("\n", " ")}\n`;
}
