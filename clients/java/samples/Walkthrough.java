package samples;

import com.google.protobuf.Any;
import com.google.protobuf.util.Structs;
import com.google.protobuf.util.Values;
import com.google.rpc.ErrorInfo;
import io.grpc.StatusException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.BlockingClientCall;
import io.socketregistry.v1.AskRequest;
import io.socketregistry.v1.AskResponse;
import io.socketregistry.v1.ConflictPolicy;
import io.socketregistry.v1.CreateRequest;
import io.socketregistry.v1.DeleteRequest;
import io.socketregistry.v1.Message;
import io.socketregistry.v1.ReadRequest;
import io.socketregistry.v1.ReadResponse;
import io.socketregistry.v1.SocketRegistryGrpc.SocketRegistryBlockingV2Stub;
import io.socketregistry.v1.WatchEventType;
import io.socketregistry.v1.WatchRequest;
import io.socketregistry.v1.WatchResponse;
import io.socketregistry.v1.WriteRequest;
import io.socketregistry.v1.WriteResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** What a registry can do, from the first call to the last, as one program. */
public final class Walkthrough {
  private final Connection connection;
  private final SocketRegistryBlockingV2Stub registry;

  private Walkthrough(Connection connection, SocketRegistryBlockingV2Stub registry) {
    this.connection = connection;
    this.registry = registry;
  }

  public static void main(String[] arguments) throws Exception {
    String address = Connection.address();
    // section: connect
    try (Connection connection = new Connection(address)) {
      SocketRegistryBlockingV2Stub registry = connection.registry();
      new Walkthrough(connection, registry).run();
    }
    // end: connect
  }

  private void run() throws Exception {
    // What an earlier run has left.
    delete("apollo");
    delete("athena");
    drain("team-chat-all");
    create();
    write();
    writeMuch();
    printWithPriority(drain("apollo"));
    handle();
    broadcast();
    feed();
    ask();
    meetAnError();
    watch();
    delete("athena");
  }

  private void create() throws StatusException {
    // section: create
    registry.create(CreateRequest.newBuilder().setSocketId("apollo").setModel("claude-3").setPrompt("You are Apollo")
        .setContext(Structs.of("role", Values.of("predictor")))
        .setOnConflict(ConflictPolicy.CONFLICT_POLICY_USE_EXISTING).build());
    registry.create(CreateRequest.newBuilder().setSocketId("athena").setModel("gpt-4").setPrompt("You are Athena")
        .setContext(Structs.of("role", Values.of("knowledge")))
        .setOnConflict(ConflictPolicy.CONFLICT_POLICY_USE_EXISTING).build());
    System.out.println("created apollo and athena");
    // end: create
  }

  private void write() throws StatusException {
    // section: write
    WriteResponse written = registry.write(WriteRequest.newBuilder().setSocketId("apollo").setSender("me")
        .setMessage("What's your prediction?").setMetadata(Structs.of("priority", Values.of("high"))).build());
    System.out.println("delivered to " + written.getDeliveredCount());
    // end: write
  }

  private void writeMuch() throws Exception {
    // section: bulk
    Writer writer = new Writer(connection);
    List<CompletableFuture<WriteResponse>> answers = new ArrayList<>();
    for (int line = 1; line <= 1_000; line++) {
      // Waits for its turn, and gives the answer to come.
      answers.add(writer.write(WriteRequest.newBuilder().setSocketId("athena").setSender("me")
          .setMessage("line " + line).build()));
    }
    writer.close();
    for (CompletableFuture<WriteResponse> answer : answers) {
      answer.get();
    }
    // end: bulk
    drain("athena");
  }

  // section: drain
  /** Takes everything that waits at a socket. */
  private List<Message> drain(String socketId) throws Exception {
    BlockingClientCall<?, ReadResponse> reading =
        registry.read(ReadRequest.newBuilder().setSocketId(socketId).setNoWait(true).build());
    List<Message> messages = new ArrayList<>();
    for (ReadResponse frame; (frame = reading.read()) != null; ) {
      messages.addAll(frame.getMessagesList());
    }
    return messages;
  }

  private static void printWithPriority(List<Message> messages) {
    for (Message message : messages) {
      String priority = message.getMetadata().getFieldsOrThrow("priority").getStringValue();
      System.out.println(message.getHeader() + " " + message.getContent() + " (priority: " + priority + ")");
    }
  }
  // end: drain

  private void handle() throws Exception {
    // section: messages
    for (String job : List.of("job 1", "job 2")) {
      registry.write(WriteRequest.newBuilder().setSocketId("apollo").setSender("me").setMessage(job).build());
    }
    Loop loop = new Loop(connection, ReadRequest.newBuilder().setSocketId("apollo").build(), Duration.ZERO);
    loop.run(message -> {
      System.out.println(message.getContent() + ", attempt " + message.getDeliveryAttempt());
      // What the body throws gives the message back; it comes again before anything newer.
      if (message.getContent().equals("job 1") && message.getDeliveryAttempt() == 1) {
        throw new IllegalStateException("not at the first attempt");
      }
      if (message.getContent().equals("job 2")) {
        loop.stop();
      }
    });
    // end: messages
  }

  private void broadcast() throws Exception {
    // section: broadcast
    WriteResponse asked = registry.write(WriteRequest.newBuilder().setSocketId("team-chat-all")
        .setMessage("How can we optimize our system?").build());
    System.out.println("asked " + asked.getDeliveredCount());

    drain("apollo");
    registry.write(WriteRequest.newBuilder().setSocketId("apollo").setSender("apollo").setMessage("Measure first.").build());
    drain("athena");
    registry.write(WriteRequest.newBuilder().setSocketId("athena").setSender("athena")
        .setMessage("Cache what is asked twice.").build());
    // end: broadcast
  }

  private void feed() throws Exception {
    // section: feed
    for (Message message : drain("team-chat-all")) {
      System.out.println(message.getHeader() + " " + message.getContent());
    }
    // end: feed
  }

  private void ask() throws Exception {
    // section: ask
    Agent agent = new Agent(connection, "apollo", "", question -> "4");
    ExecutorService background = Executors.newSingleThreadExecutor();
    Future<?> running = background.submit(() -> {
      agent.run();
      return null;
    });

    BlockingClientCall<?, AskResponse> asking =
        registry.ask(AskRequest.newBuilder().setSocketId("apollo").setSender("me").setMessage("2 + 2?").build());
    for (AskResponse step; (step = asking.read()) != null; ) {
      if (step.hasReply()) {
        System.out.println(step.getReply().getSender() + " answered: " + step.getReply().getContent());
      }
    }

    agent.stop();
    running.get();
    background.shutdown();
    // end: ask
  }

  private void meetAnError() throws Exception {
    // section: errors
    try {
      registry.write(WriteRequest.newBuilder().setSocketId("nobody").setMessage("Are you there?").build());
    } catch (StatusException refused) {
      for (Any detail : StatusProto.fromThrowable(refused).getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          ErrorInfo info = detail.unpack(ErrorInfo.class);
          System.out.println(info.getReason() + ": " + info.getMetadataOrThrow("socket_id"));
        }
      }
    }
    // end: errors
  }

  private void watch() throws Exception {
    // section: watch
    BlockingClientCall<?, WatchResponse> watching =
        registry.watch(WatchRequest.newBuilder().setSocketId("apollo").build());
    for (WatchResponse change; (change = watching.read()) != null; ) {
      String type = change.getType().name().replace("WATCH_EVENT_TYPE_", "").toLowerCase(Locale.ROOT);
      System.out.println(type);
      if (change.getType() == WatchEventType.WATCH_EVENT_TYPE_SYNCED) {
        registry.delete(DeleteRequest.newBuilder().setSocketId("apollo").build());
      }
      if (change.getType() == WatchEventType.WATCH_EVENT_TYPE_DELETED) {
        watching.cancel("seen enough", null);
        break;
      }
    }
    // end: watch
  }

  private void delete(String socketId) throws StatusException {
    registry.delete(DeleteRequest.newBuilder().setSocketId(socketId).setAllowMissing(true).build());
  }
}
