package samples;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import com.google.protobuf.util.Durations;
import io.grpc.Deadline;
import io.grpc.StatusException;
import io.socketregistry.v1.AcknowledgeRequest;
import io.socketregistry.v1.GetServerInfoRequest;
import io.socketregistry.v1.GetSocketInfoRequest;
import io.socketregistry.v1.Message;
import io.socketregistry.v1.Position;
import io.socketregistry.v1.ReadRequest;
import io.socketregistry.v1.SocketConfig;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;

/** What a loop was handed: held while it is here, then acknowledged or given back, whatever becomes of the server. */
final class Deliveries {
  private record Outcome(Message message, boolean isDone) {}

  private static final Logger LOG = System.getLogger("socketregistry");
  private static final int SEQUENCES_MAX = 10_000;
  private static final int FLUSH_SECONDS_MAX = 10;
  private static final int QUICK_FAILURES_MAX = 5;
  /** A stream that breaks leaves its deliveries 15 seconds, unless they are extended. */
  private static final long EXTEND_MS_MAX = 5_000;
  private static final long EXTEND_MS_MIN = 10;

  private final Connection connection;
  private final ReadRequest queue;
  private final Duration retryDelay;
  private final Set<Position> held = ConcurrentHashMap.newKeySet();
  private final BlockingQueue<Outcome> outcomes = new LinkedBlockingQueue<>();
  /** Makes one call at a time: what comes meanwhile goes with the next. */
  private final ScheduledExecutorService teller = Executors.newSingleThreadScheduledExecutor();
  private boolean isOpen;

  Deliveries(Connection connection, ReadRequest queue, Duration retryDelay) {
    this.connection = connection;
    this.queue = queue;
    this.retryDelay = retryDelay;
  }

  /** Begins to extend what is held, often enough for the socket's deadline. Further calls do nothing. */
  void open() throws StatusException {
    if (isOpen) {
      return;
    }
    GetSocketInfoRequest asked = GetSocketInfoRequest.newBuilder().setSocketId(queue.getSocketId()).build();
    SocketConfig config = connection.registry().getSocketInfo(asked).getSocket().getConfig();
    long deadlineMs = config.hasAckDeadline()
        ? Durations.toMillis(config.getAckDeadline())
        : connection.registry().getServerInfo(GetServerInfoRequest.getDefaultInstance())
            .getLimitsOrDefault("ack_deadline_ms", 0);
    long periodMs = deadlineMs == 0 ? EXTEND_MS_MAX : Math.max(EXTEND_MS_MIN, Math.min(EXTEND_MS_MAX, deadlineMs / 3));
    teller.scheduleWithFixedDelay(this::extend, periodMs, periodMs, MILLISECONDS);
    isOpen = true;
  }

  /** Holds a message. False when it is held already. */
  boolean hold(Message message) {
    return held.add(placeOf(message));
  }

  /** Acknowledges a message that is done, or gives it back. Nobody has to wait for it. */
  void settle(Message message, boolean isDone) {
    if (!isDone) {
      // It may come again before the answer does.
      held.remove(placeOf(message));
    }
    outcomes.add(new Outcome(message, isDone));
    teller.execute(this::tell);
  }

  /**
   * Waits until the server knows everything, and has back what nobody has looked at, but not for ever.
   *
   * @param isGone whether the queue is gone, and all that it had
   */
  void close(boolean isGone) throws InterruptedException {
    Deadline deadline = Deadline.after(FLUSH_SECONDS_MAX, SECONDS);
    teller.shutdown();
    if (!teller.awaitTermination(FLUSH_SECONDS_MAX, SECONDS)) {
      teller.shutdownNow();
      LOG.log(Level.ERROR, "the server does not answer: what was done last is not acknowledged, and may come again");
    } else if (isOpen && !isGone) {
      release(deadline);
    }
  }

  /** Has what was sent here wait for the next reader at once. Without this it comes back after 15 seconds. */
  private void release(Deadline deadline) {
    // The empty epoch is the current one, whatever became of those that were seen here.
    AcknowledgeRequest request = requestOf("").setReleaseReader(queue.getReader()).build();
    try {
      connection.registry().withDeadline(deadline).acknowledge(request);
    } catch (StatusException error) {
      LOG.log(Level.DEBUG, "not released: " + error.getMessage());
    }
  }

  private void tell() {
    List<Outcome> batch = new ArrayList<>();
    outcomes.drainTo(batch, SEQUENCES_MAX);
    Map<String, AcknowledgeRequest.Builder> requests = new HashMap<>();
    for (Outcome outcome : batch) {
      AcknowledgeRequest.Builder request = requests.computeIfAbsent(outcome.message.getEpoch(), this::requestOf);
      if (outcome.isDone) {
        request.addSequences(outcome.message.getSequence());
      } else {
        request.addNackSequences(outcome.message.getSequence());
      }
    }
    requests.values().forEach(request -> persist(request.build()));
    batch.stream().filter(Outcome::isDone).forEach(outcome -> held.remove(placeOf(outcome.message)));
  }

  /** Asks until there is an answer. What is stale, as after a Reset, is no concern of ours any longer. */
  private void persist(AcknowledgeRequest request) {
    try {
      for (int failures = 1; ; failures = Math.min(failures + 1, QUICK_FAILURES_MAX)) {
        try {
          connection.registry().acknowledge(request);
          return;
        } catch (StatusException error) {
          if (!Connection.isUnanswered(error)) {
            LOG.log(Level.WARNING, "not acknowledged: " + error.getMessage());
            return;
          }
        }
        connection.pauseAfter(failures);
      }
    } catch (InterruptedException gaveUp) {
      // close says so.
    }
  }

  private void extend() {
    Map<String, AcknowledgeRequest.Builder> requests = new HashMap<>();
    held.stream().limit(SEQUENCES_MAX).forEach(place ->
        requests.computeIfAbsent(place.getEpoch(), this::requestOf).addExtendSequences(place.getSequence()));
    try {
      for (AcknowledgeRequest.Builder request : requests.values()) {
        connection.registry().acknowledge(request.build());
      }
    } catch (StatusException error) {
      LOG.log(Level.DEBUG, "not extended, and tried again soon: " + error.getMessage());
    }
  }

  private AcknowledgeRequest.Builder requestOf(String epoch) {
    return AcknowledgeRequest.newBuilder().setSocketId(queue.getSocketId()).setConsumer(queue.getConsumer())
        .setEpoch(epoch).setRetryDelay(Durations.fromMillis(retryDelay.toMillis()));
  }

  private static Position placeOf(Message message) {
    return Position.newBuilder().setEpoch(message.getEpoch()).setSequence(message.getSequence()).build();
  }
}
