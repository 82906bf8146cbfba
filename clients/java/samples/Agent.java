package samples;

import static java.util.concurrent.TimeUnit.SECONDS;

import com.google.protobuf.FieldMask;
import com.google.protobuf.util.Durations;
import io.grpc.StatusException;
import io.socketregistry.v1.ConflictPolicy;
import io.socketregistry.v1.CreateRequest;
import io.socketregistry.v1.HeartbeatRequest;
import io.socketregistry.v1.MarkActiveRequest;
import io.socketregistry.v1.MarkInactiveRequest;
import io.socketregistry.v1.Message;
import io.socketregistry.v1.ReadRequest;
import io.socketregistry.v1.Socket;
import io.socketregistry.v1.SocketConfig;
import io.socketregistry.v1.StateReason;
import io.socketregistry.v1.UpdateRequest;
import io.socketregistry.v1.WriteRequest;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

/** An AI in the team: it joins, answers what comes, and leaves when it is stopped. It survives restarts of the server. */
public final class Agent {
  // section: agent
  /** {@code agent <id>} answers every message, until it is stopped or its socket is deleted. */
  public static void main(String[] arguments) throws Exception {
    String id = arguments.length > 0 ? arguments[0] : "apollo";
    try (Connection connection = new Connection(Connection.address())) {
      Agent agent = new Agent(connection, id, "", message -> id + " read: " + message.getContent());
      CompletableFuture<Void> ended = new CompletableFuture<>();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> {
        agent.stop();
        ended.join();
      }));
      try {
        agent.run();
      } finally {
        ended.complete(null);
      }
    }
  }
  // end: agent

  /** What the agent says to a message. */
  @FunctionalInterface
  public interface Handler {
    /** The answer, or null for none. What it throws brings the message again, a second later. */
    String answer(Message message) throws Exception;
  }

  private static final Logger LOG = System.getLogger("socketregistry");
  private static final Duration RETRY_DELAY = Duration.ofSeconds(1);
  private static final int LEASE_SECONDS = 30;
  private static final int LEAVE_SECONDS_MAX = 5;

  private final Connection connection;
  private final String id;
  private final String model;
  private final Handler handler;
  private final Loop loop;
  private volatile Thread joining;
  private volatile boolean isStopping;

  /** @param model of a socket that is there already it stays as it is when this is empty */
  public Agent(Connection connection, String id, String model, Handler handler) {
    this.connection = connection;
    this.id = id;
    this.model = model;
    this.handler = handler;
    loop = new Loop(connection, ReadRequest.newBuilder().setSocketId(id).build(), RETRY_DELAY);
  }

  /** Answers until stop is called, or the socket is deleted. An interrupt ends it too, and aborts the handler. */
  public void run() throws StatusException, InterruptedException {
    ScheduledExecutorService heart = Executors.newSingleThreadScheduledExecutor();
    try {
      join();
      heart.scheduleAtFixedRate(this::beat, LEASE_SECONDS / 3, LEASE_SECONDS / 3, SECONDS);
      loop.run(this::answer);
      leave();
    } catch (InterruptedException interrupted) {
      leave();
      if (!isStopping) {
        throw interrupted;
      }
    } catch (StatusException error) {
      if (!isGone(error)) {
        throw error;
      }
    } finally {
      heart.shutdownNow();
    }
  }

  /** Ends run after the message under way. */
  public void stop() {
    isStopping = true;
    loop.stop();
    Thread waiting = joining;
    if (waiting != null) {
      waiting.interrupt();
    }
  }

  /** Waits for the server if need be. */
  private void join() throws StatusException, InterruptedException {
    joining = Thread.currentThread();
    try {
      for (int failures = 1; !isStopping && !isRegistered(); failures++) {
        connection.pauseAfter(failures);
      }
    } finally {
      joining = null;
    }
  }

  private boolean isRegistered() throws StatusException {
    try {
      register();
      return true;
    } catch (StatusException error) {
      if (!Connection.isUnanswered(error)) {
        throw error;
      }
      LOG.log(Level.INFO, "joining again: " + error.getMessage());
      return false;
    }
  }

  private void register() throws StatusException {
    // Mail is collected while we are away, and a lease tells the team that we are.
    SocketConfig config = SocketConfig.newBuilder().setAcceptWhenAway(true)
        .setLeaseDuration(Durations.fromSeconds(LEASE_SECONDS)).build();
    Socket wanted = Socket.newBuilder().setSocketId(id).setModel(model).setConfig(config).build();
    Socket found = connection.registry().create(CreateRequest.newBuilder().setSocketId(id).setModel(model).setConfig(config)
        .setOnConflict(ConflictPolicy.CONFLICT_POLICY_USE_EXISTING).build()).getSocket();
    FieldMask.Builder mask = FieldMask.newBuilder().addPaths("config.accept_when_away").addPaths("config.lease_duration");
    if (!model.isEmpty()) {
      mask.addPaths("model");
    }
    if (!found.getConfig().equals(config) || !found.getModel().equals(model)) {
      // It was there before, with settings of its own.
      connection.registry().update(UpdateRequest.newBuilder().setSocket(wanted).setUpdateMask(mask).build());
    }
    if (found.getStateReason() == StateReason.STATE_REASON_CLIENT_LEFT) {
      connection.registry().markActive(MarkActiveRequest.newBuilder().setSocketId(id).setReason("joined").build());
    }
  }

  /** Writes the answer as what the agent says: on its own socket, for the team and for whoever asked. */
  private void answer(Message message) throws Exception {
    String answer = handler.answer(message);
    if (answer == null) {
      return;
    }
    try {
      connection.registry().write(WriteRequest.newBuilder().setSocketId(id).setSender(id).setMessage(answer)
          .setReplyTo(message.getMessageId()).setThreadId(message.getThreadId())
          .setRequestId(id + "-" + message.getMessageId()).build());
    } catch (StatusException error) {
      // Reused: an earlier attempt has answered, in other words.
      if (!Connection.reasonOf(error).equals("REQUEST_ID_REUSED")) {
        throw error;
      }
    }
  }

  private void beat() {
    try {
      connection.registry().heartbeat(HeartbeatRequest.newBuilder().setSocketId(id).build());
    } catch (StatusException error) {
      LOG.log(Level.INFO, "no heartbeat: " + error.getMessage());
    }
  }

  private void leave() {
    try {
      connection.registry().withDeadlineAfter(LEAVE_SECONDS_MAX, SECONDS)
          .markInactive(MarkInactiveRequest.newBuilder().setSocketId(id).setReason("left").build());
    } catch (StatusException error) {
      LOG.log(Level.INFO, "left without a word: " + error.getMessage());
    }
  }

  private static boolean isGone(StatusException error) {
    return Set.of("SOCKET_DELETED", "SOCKET_NOT_FOUND").contains(Connection.reasonOf(error));
  }
}
