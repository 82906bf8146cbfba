/**
 * The two flows of the seed's document as one program: a team chat, and sockets that survive a restart.
 *
 *   npm start                         in one terminal
 *   npx tsx examples/team-chat.ts     in another
 *   npx tsx examples/team-chat.ts     once more, after stopping and starting the server: everybody is still there
 *
 * It speaks to SOCKET_REGISTRY_ADDRESS, or 127.0.0.1:50051, through nothing but the generated client.
 */
import { credentials, type ServiceError } from "@grpc/grpc-js";
import {
  AckMode,
  ConflictPolicy,
  CreateRequest,
  type GetSocketInfoRequest,
  type GetSocketInfoResponse,
  type Message,
  ReadRequest,
  SocketRegistryClient,
  WriteRequest,
} from "../gen/ts/socketregistry/v1/socket_registry.js";

const address = process.env["SOCKET_REGISTRY_ADDRESS"] ?? "127.0.0.1:50051";
const client = new SocketRegistryClient(address, credentials.createInsecure());

try {
  await teamChat();
  await persistence();
} finally {
  client.close();
}

/** A question to everyone, an answer from everyone, and the answers collected. */
async function teamChat(): Promise<void> {
  const apollo = await create("apollo", "claude-3", "You are Apollo", { role: "predictor" });
  const athena = await create("athena", "gpt-4", "You are Athena", { role: "knowledge" });

  // The user asks everyone. Nobody signed the question, so it does not come back to whoever collects the answers.
  await write("team-chat-all", "How can we optimize our system?");

  // Each agent reads what it was asked and answers on its own socket: that is its output, and goes to the team's feed.
  for (const agent of [apollo, athena]) {
    for (const question of await read(agent)) await write(agent, answerOf(agent, question), agent);
  }

  for (const { header, content } of await read("team-chat-all")) console.log(`${header}: ${content}`);
}

/** A socket is there again after a restart, with its mail. */
async function persistence(): Promise<void> {
  const helper = await create("helper", "claude-3", "Helper", {});
  await write(helper, "Still there?");
  const { socket } = await call<GetSocketInfoRequest, GetSocketInfoResponse>(
    (request, done) => client.getSocketInfo(request, done),
    { socketId: helper },
  );
  console.log(`${helper} has ${socket?.queueSize} waiting since ${socket?.createdAt?.toISOString()}`);
}

/** Where a program would call its model. */
function answerOf(agent: string, question: Message): string {
  return `${agent} on "${question.content}": measure first.`;
}

/** A second run finds the sockets of the first one. */
async function create(socketId: string, model: string, prompt: string, context: object): Promise<string> {
  const onConflict = ConflictPolicy.CONFLICT_POLICY_USE_EXISTING;
  const request = CreateRequest.fromPartial({ socketId, model, prompt, context, onConflict });
  await call((socket, done) => client.create(socket, done), request);
  return socketId;
}

async function write(socketId: string, message: string, sender = ""): Promise<void> {
  const request = WriteRequest.fromPartial({ socketId, message, sender });
  await call((letter, done) => client.write(letter, done), request);
}

/** Takes everything that waits. */
async function read(socketId: string): Promise<Message[]> {
  const request = ReadRequest.fromPartial({ socketId, noWait: true, ackMode: AckMode.ACK_MODE_AUTO });
  const messages: Message[] = [];
  for await (const frame of client.read(request)) messages.push(...frame.messages);
  return messages;
}

type Method<Request, Response> = (
  request: Request,
  done: (error: ServiceError | null, response: Response) => void,
) => unknown;

/** A unary call as a promise. */
function call<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
  return new Promise((resolve, reject) => {
    method(request, (error, response) => (error === null ? resolve(response) : reject(error)));
  });
}
