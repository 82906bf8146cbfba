package samples;

import static java.util.concurrent.TimeUnit.SECONDS;

import com.google.protobuf.util.Durations;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.socketregistry.v1.AckMode;
import io.socketregistry.v1.Message;
import io.socketregistry.v1.ReadEvent;
import io.socketregistry.v1.ReadRequest;
import io.socketregistry.v1.ReadResponse;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;

// section: loop
/**
 * A loop over the messages of a socket in EXPLICIT mode: each is acknowledged when the body returns, and given back when
 * the body throws. It holds what the body works on, and goes on over restarts of the server. A loop runs once.
 */
public final class Loop {
  /** What is done with each message, one at a time. */
  @FunctionalInterface
  public interface Body {
    /** Returns when the message is done. Whatever it throws gives the message back. */
    void handle(Message message) throws Exception;
  }

  private static final Logger LOG = System.getLogger("socketregistry");
  private static final Message END = Message.getDefaultInstance();
  private static final int HEARTBEAT_SECONDS = 15;
  private static final int SILENCE_SECONDS_MAX = 45;

  private final Connection connection;
  private final ReadRequest request;
  private final Deliveries deliveries;
  private final Thread reader = new Thread(this::read, "reader");
  private final BlockingQueue<Message> inbox = new LinkedBlockingQueue<>();
  private volatile boolean isStopping;
  private volatile StatusException failure;

  /**
   * @param request what to read; max_outstanding is how many messages may be here, in the body or waiting for it
   * @param retryDelay how long what the body threw at waits before it is delivered again
   */
  public Loop(Connection connection, ReadRequest request, Duration retryDelay) {
    this.connection = connection;
    // Heartbeats tell a quiet stream from a dead one, and by the name the server knows later whose streams are over.
    this.request = request.toBuilder().setAckMode(AckMode.ACK_MODE_EXPLICIT).setReader(UUID.randomUUID().toString())
        .setHeartbeatInterval(Durations.fromSeconds(HEARTBEAT_SECONDS)).build();
    deliveries = new Deliveries(connection, this.request, retryDelay);
    reader.setDaemon(true);
  }

  /**
   * Hands messages to the body until stop is called; then everything is acknowledged, and what the body has not seen
   * waits for the next reader at once. An interrupt ends it too.
   *
   * @throws StatusException why there is nothing to read any more, as when the socket was deleted
   */
  public void run(Body body) throws StatusException, InterruptedException {
    reader.start();
    try {
      for (Message message; (message = inbox.take()) != END && !isStopping; ) {
        handle(message, body);
      }
    } finally {
      stop();
      reader.join();
      deliveries.close(failure != null && failure.getStatus().getCode() == Status.Code.NOT_FOUND);
    }
    if (failure != null) {
      throw failure;
    }
  }

  /** Ends run after the message under way. The body may call it, and so may any other thread. */
  public void stop() {
    isStopping = true;
    reader.interrupt();
  }

  private void handle(Message message, Body body) throws InterruptedException {
    boolean isDone = false;
    try {
      body.handle(message);
      isDone = true;
    } catch (InterruptedException interrupted) {
      throw interrupted;
    } catch (Exception thrown) {
      LOG.log(Level.WARNING, "message " + message.getMessageId() + " is given back", thrown);
    } finally {
      deliveries.settle(message, isDone);
    }
  }

  /** Reads, and reads again when the server stops or the connection breaks. */
  private void read() {
    try {
      for (int failures = 0; !isStopping; connection.pauseAfter(++failures)) {
        BlockingClientCall<?, ReadResponse> call = null;
        try {
          deliveries.open();
          call = connection.registry().read(request);
          for (ReadResponse frame; (frame = call.read(SILENCE_SECONDS_MAX, SECONDS)) != null; failures = 0) {
            take(frame);
          }
          return;
        } catch (StatusException error) {
          if (!Connection.isUnanswered(error)) {
            failure = error;
            return;
          }
          LOG.log(Level.INFO, "reading again: " + error.getMessage());
        } catch (TimeoutException silent) {
          LOG.log(Level.INFO, "reading again: the stream is silent");
        } finally {
          if (call != null) {
            call.cancel("not read any longer", null);
          }
        }
      }
    } catch (InterruptedException stopped) {
      // Only stop interrupts it.
    } finally {
      if (failure != null) {
        // What was not begun has not failed, and is the server's again.
        inbox.clear();
      }
      inbox.add(END);
    }
  }

  private void take(ReadResponse frame) {
    if (frame.getEvent() == ReadEvent.READ_EVENT_GAP || frame.getEvent() == ReadEvent.READ_EVENT_RESET) {
      LOG.log(Level.WARNING, frame.getEvent() + ": " + frame.getDroppedCount() + " messages will not come");
    }
    // What comes again while it waits, is worked on or is being acknowledged, is here already.
    frame.getMessagesList().stream().filter(deliveries::hold).forEach(inbox::add);
  }
}
// end: loop
