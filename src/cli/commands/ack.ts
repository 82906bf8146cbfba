import { AcknowledgeRequest } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseDuration, parseSequences, parseUint64 } from "../arguments.js";
import { defineCommand, type Values } from "../command.js";
import { staleText } from "../deliveries.js";
import { UsageError } from "../failure.js";

const options = {
  through: { type: "string", value: "N", help: "settle everything delivered up to this sequence" },
  nack: { type: "boolean", help: "give them back: the attempt has failed" },
  "retry-delay": { type: "string", value: "DURATION", help: "with --nack: before they are delivered again" },
  extend: { type: "string", value: "DURATION", help: "give them this long from now instead" },
  epoch: { type: "string", value: "EPOCH", help: "the epoch of the sequences; default the current one" },
  consumer: { type: "string", value: "NAME", help: "they were delivered to this consumer of the team feed" },
} as const;

export const ack = defineCommand({
  name: "ack",
  parameters: ["SOCKET", "[SEQUENCE...]"],
  summary: "Settles messages that somebody has in flight, gives them back, or gives them more time.",
  notes: "What is not in flight is stale, which is said on stderr and is no failure.",
  options,
  async run({ client, output }, values, [socketId = "", ...sequences]) {
    const request = requestOf(socketId, parseSequences(sequences), values);
    const { acknowledgedCount, staleSequences } = await client.acknowledge(request);
    output.warn(`${socketId}: ${acknowledgedCount} ${verbOf(values)}`);
    if (staleSequences.length > 0) output.warn(staleText(staleSequences));
    return undefined;
  },
});

function requestOf(socketId: string, sequences: bigint[], values: Values<typeof options>): AcknowledgeRequest {
  const { through, nack = false, epoch = "", consumer = "" } = values;
  const throughSequence = parseUint64("--through", through) ?? 0n;
  const ackDeadline = parseDuration("--extend", values.extend);
  const retryDelay = parseDuration("--retry-delay", values["retry-delay"]);
  const given = [nack && "--nack", through !== undefined && "--through", ackDeadline && "--extend"].filter(Boolean);
  if (given.length > 1) throw new UsageError(`${given.join(" and ")} exclude each other`);
  if (retryDelay && !nack) throw new UsageError("--retry-delay goes with --nack");
  if (sequences.length === 0 && through === undefined) throw new UsageError("ack needs SEQUENCE or --through");
  return AcknowledgeRequest.fromPartial({
    socketId,
    epoch,
    consumer,
    throughSequence,
    ...(nack && { nackSequences: sequences, ...(retryDelay && { retryDelay }) }),
    ...(ackDeadline && { extendSequences: sequences, ackDeadline }),
    ...(!nack && !ackDeadline && { sequences }),
  });
}

function verbOf({ nack, extend }: Values<typeof options>): string {
  if (nack === true) return "given back";
  return extend === undefined ? "settled" : "extended";
}
