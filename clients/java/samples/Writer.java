package samples;

import static java.util.concurrent.TimeUnit.MINUTES;

import io.grpc.Deadline;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.BlockingClientCall;
import io.socketregistry.v1.WriteRequest;
import io.socketregistry.v1.WriteResponse;
import io.socketregistry.v1.WriteStreamRequest;
import io.socketregistry.v1.WriteStreamResponse;
import io.socketregistry.v1.WriteStreamResult;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;

// section: writer
/**
 * Writes many messages on one stream: as quickly as the server can store them, in their order, and each is answered. It
 * opens the stream again when it breaks, and writes again what was not answered.
 */
public final class Writer {
  private record Write(WriteRequest request, int kib, CompletableFuture<WriteResponse> answer) {}

  private static final Logger LOG = System.getLogger("socketregistry");
  /** How many KiB may be unanswered. A write counts as one at least, so that this bounds their number too. */
  private static final int UNANSWERED_KIB_MAX = 4096;
  private static final int FRAME_WRITES_MAX = 1000;
  private static final int FRAME_BYTES_MAX = 256 << 10;
  /** How long to go on without an answer. The server remembers for ten minutes what was written. */
  private static final int PATIENCE_MINUTES = 5;

  private final Connection connection;
  private final Semaphore room = new Semaphore(UNANSWERED_KIB_MAX, true);
  /** What is not answered, in the order of the writes: first what is on the stream, then what is not. */
  private final Deque<Write> sent = new ArrayDeque<>();
  private final Deque<Write> waiting = new ArrayDeque<>();
  private final Thread reader = new Thread(this::run, "writer");
  private boolean isClosing;
  /** Attempts that failed since the last answer, and when there is no use in another. */
  private volatile int failures;
  private volatile Deadline deadline;

  public Writer(Connection connection) {
    this.connection = connection;
    reader.setDaemon(true);
    reader.start();
  }

  /**
   * Waits until there is room for one more, and gives its answer to come. Messages are written in the order of these
   * calls. One that is refused fails alone, with the StatusException of a single write. What depends on an answer must
   * not wait for others, since it may run in the thread that reads them.
   */
  public CompletableFuture<WriteResponse> write(WriteRequest request) throws InterruptedException {
    // With an id it can be sent again, and the message is there once.
    WriteRequest named = request.getRequestId().isEmpty()
        ? request.toBuilder().setRequestId(UUID.randomUUID().toString()).build() : request;
    int kib = Math.min(named.getSerializedSize() / 1024 + 1, UNANSWERED_KIB_MAX);
    Write write = new Write(named, kib, new CompletableFuture<>());
    room.acquire(kib);
    synchronized (this) {
      if (isClosing) {
        room.release(kib);
        throw new IllegalStateException("the writer is closed");
      }
      if (sent.isEmpty() && waiting.isEmpty()) {
        // Nothing has waited for an answer until now.
        bePatient();
      }
      waiting.add(write);
      notifyAll();
    }
    return write.answer;
  }

  /** Waits until everything is answered. */
  public void close() throws InterruptedException {
    synchronized (this) {
      isClosing = true;
      notifyAll();
    }
    reader.join();
  }

  /** Gives up what is not answered. After close this does nothing. */
  public void cancel() {
    reader.interrupt();
  }

  /** Opens one stream after another, while there is something to write. */
  private void run() {
    try {
      while (hasWork()) {
        try {
          converse();
        } catch (StatusException end) {
          if (Connection.isUnanswered(end) && !deadline.isExpired()) {
            LOG.log(Level.INFO, "writing again: " + end.getMessage());
            connection.pauseAfter(++failures);
          } else {
            fail(end);
          }
        }
      }
    } catch (InterruptedException cancelled) {
      synchronized (this) {
        isClosing = true;
      }
      fail(Status.CANCELLED.withDescription("the writer was cancelled").asException());
    }
  }

  /** Waits until there is something to write. False when the writer is closed, and there is nothing. */
  private synchronized boolean hasWork() throws InterruptedException {
    while (sent.isEmpty() && waiting.isEmpty() && !isClosing) {
      wait();
    }
    while (!sent.isEmpty()) {
      waiting.addFirst(sent.removeLast());
    }
    return !waiting.isEmpty();
  }

  /** Writes on one stream, until the writer is closed and everything is answered. */
  private void converse() throws StatusException, InterruptedException {
    BlockingClientCall<WriteStreamRequest, WriteStreamResponse> call = connection.registry().writeStream();
    Thread sender = new Thread(() -> send(call), "sender");
    sender.setDaemon(true);
    sender.start();
    try {
      for (WriteStreamResponse frame; (frame = call.read()) != null; ) {
        bePatient();
        frame.getResultsList().forEach(this::answer);
      }
      if (hasUnanswered()) {
        throw Status.UNAVAILABLE.withDescription("the server has ended the stream").asException();
      }
    } finally {
      sender.interrupt();
      try {
        sender.join();
      } finally {
        call.cancel("not written to any longer", null);
      }
    }
  }

  /** Sends until the writer is closed, or the stream ends: why it did is for those who read it. */
  private void send(BlockingClientCall<WriteStreamRequest, WriteStreamResponse> call) {
    try {
      // The transport takes a frame when the server has room for it; what comes meanwhile makes the next one.
      for (WriteStreamRequest frame; (frame = takeFrame()).getWritesCount() > 0; ) {
        if (!call.write(frame)) {
          return;
        }
      }
      call.halfClose();
    } catch (StatusException | InterruptedException over) {
      // What is not answered is kept.
    }
  }

  /** The next frame: what waits, within bounds. One write is never too large. Empty when the writer is closed. */
  private synchronized WriteStreamRequest takeFrame() throws InterruptedException {
    while (waiting.isEmpty() && !isClosing) {
      wait();
    }
    WriteStreamRequest.Builder frame = WriteStreamRequest.newBuilder();
    int bytes = 0;
    while (!waiting.isEmpty() && frame.getWritesCount() < FRAME_WRITES_MAX) {
      WriteRequest next = waiting.element().request;
      bytes += next.getSerializedSize();
      if (bytes > FRAME_BYTES_MAX && frame.getWritesCount() > 0) {
        break;
      }
      frame.addWrites(next);
      sent.add(waiting.remove());
    }
    return frame.build();
  }

  /** Results come in the order of the writes, however they are framed. */
  private void answer(WriteStreamResult result) {
    Write write;
    synchronized (this) {
      write = sent.remove();
    }
    room.release(write.kib);
    if (result.hasError()) {
      write.answer.completeExceptionally(StatusProto.toStatusException(result.getError()));
    } else {
      write.answer.complete(result.getResponse());
    }
  }

  /** Fails what is not answered. It may be stored or not. */
  private void fail(StatusException error) {
    List<Write> given;
    synchronized (this) {
      given = new ArrayList<>(sent);
      given.addAll(waiting);
      sent.clear();
      waiting.clear();
    }
    for (Write write : given) {
      room.release(write.kib);
      write.answer.completeExceptionally(error);
    }
  }

  private void bePatient() {
    failures = 0;
    deadline = Deadline.after(PATIENCE_MINUTES, MINUTES);
  }

  private synchronized boolean hasUnanswered() {
    return !sent.isEmpty() || !waiting.isEmpty();
  }
}
// end: writer
