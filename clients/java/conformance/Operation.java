package conformance;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import com.google.gson.JsonObject;
import com.google.protobuf.Message;
import com.google.protobuf.MessageOrBuilder;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.socketregistry.v1.AcknowledgeRequest;
import io.socketregistry.v1.AskRequest;
import io.socketregistry.v1.CreateRequest;
import io.socketregistry.v1.DeleteRequest;
import io.socketregistry.v1.GetMessageRequest;
import io.socketregistry.v1.GetServerInfoRequest;
import io.socketregistry.v1.GetSocketInfoRequest;
import io.socketregistry.v1.HeartbeatRequest;
import io.socketregistry.v1.ListSocketsRequest;
import io.socketregistry.v1.MarkActiveRequest;
import io.socketregistry.v1.MarkInactiveRequest;
import io.socketregistry.v1.MarkUnresponsiveRequest;
import io.socketregistry.v1.PeekRequest;
import io.socketregistry.v1.PeekResponse;
import io.socketregistry.v1.ReadRequest;
import io.socketregistry.v1.ReadResponse;
import io.socketregistry.v1.RequeueRequest;
import io.socketregistry.v1.ResetRequest;
import io.socketregistry.v1.SocketRegistryGrpc.SocketRegistryBlockingV2Stub;
import io.socketregistry.v1.UpdateRequest;
import io.socketregistry.v1.WatchRequest;
import io.socketregistry.v1.WriteRequest;
import java.util.function.Consumer;
import samples.Connection;

/** A call of an RPC, or several of them, with the stub. */
class Operation {
  final Connection connection;
  final JsonObject arguments;
  final Consumer<JsonObject> items;
  private final String name;
  private final long timeoutMs;
  private volatile Thread thread;

  /** @param timeoutMs the deadline of its call; zero is none */
  Operation(Connection connection, String name, JsonObject arguments, long timeoutMs, Consumer<JsonObject> items) {
    this.connection = connection;
    this.name = name;
    this.arguments = arguments;
    this.timeoutMs = timeoutMs;
    this.items = items;
  }

  /** Starts it in a thread of its own. */
  final void start(Runnable body) {
    thread = new Thread(body, name);
    thread.start();
  }

  /** Carries it out and gives its result. */
  JsonObject run() throws Exception {
    SocketRegistryBlockingV2Stub registry = connection.registry();
    if (timeoutMs > 0) {
      registry = registry.withDeadlineAfter(timeoutMs, MILLISECONDS);
    }
    return switch (name) {
      case "read" -> stream(registry.read(request(ReadRequest.newBuilder()).build()));
      case "watch" -> stream(registry.watch(request(WatchRequest.newBuilder()).build()));
      case "ask" -> stream(registry.ask(request(AskRequest.newBuilder()).build()));
      case "drain" -> Json.of(drain(registry));
      default -> Json.of(call(registry));
    };
  }

  /** Ends it: run then throws. */
  void cancel() {
    thread.interrupt();
  }

  /** Lets the body of a loop go on. */
  void settle(long sequence, boolean isDone) {
    throw new IllegalStateException(name + " has no bodies");
  }

  private MessageOrBuilder call(SocketRegistryBlockingV2Stub registry) throws Exception {
    return switch (name) {
      case "create" -> registry.create(request(CreateRequest.newBuilder()).build());
      case "write" -> registry.write(request(WriteRequest.newBuilder()).build());
      case "reset" -> registry.reset(request(ResetRequest.newBuilder()).build());
      case "delete" -> registry.delete(request(DeleteRequest.newBuilder()).build());
      case "list_sockets" -> registry.listSockets(request(ListSocketsRequest.newBuilder()).build());
      case "get_socket_info" -> registry.getSocketInfo(request(GetSocketInfoRequest.newBuilder()).build());
      case "mark_unresponsive" -> registry.markUnresponsive(request(MarkUnresponsiveRequest.newBuilder()).build());
      case "mark_active" -> registry.markActive(request(MarkActiveRequest.newBuilder()).build());
      case "mark_inactive" -> registry.markInactive(request(MarkInactiveRequest.newBuilder()).build());
      case "acknowledge" -> registry.acknowledge(request(AcknowledgeRequest.newBuilder()).build());
      case "peek" -> registry.peek(request(PeekRequest.newBuilder()).build());
      case "requeue" -> registry.requeue(request(RequeueRequest.newBuilder()).build());
      case "get_message" -> registry.getMessage(request(GetMessageRequest.newBuilder()).build());
      case "heartbeat" -> registry.heartbeat(request(HeartbeatRequest.newBuilder()).build());
      case "update" -> registry.update(request(UpdateRequest.newBuilder()).build());
      case "get_server_info" -> registry.getServerInfo(request(GetServerInfoRequest.newBuilder()).build());
      default -> throw new IllegalArgumentException("no operation is called " + name);
    };
  }

  private <B extends Message.Builder> B request(B builder) throws Exception {
    return Json.into(builder, arguments);
  }

  private <R extends Message> JsonObject stream(BlockingClientCall<?, R> call) throws Exception {
    try {
      for (R frame; (frame = call.read()) != null; ) {
        items.accept(Json.of(frame));
      }
    } finally {
      call.cancel("the operation is over", null);
    }
    return new JsonObject();
  }

  private PeekResponse.Builder drain(SocketRegistryBlockingV2Stub registry) throws Exception {
    PeekResponse.Builder taken = PeekResponse.newBuilder();
    BlockingClientCall<?, ReadResponse> call = registry.read(request(ReadRequest.newBuilder()).setNoWait(true).build());
    for (ReadResponse frame; (frame = call.read()) != null; ) {
      taken.addAllMessages(frame.getMessagesList());
    }
    return taken;
  }
}
