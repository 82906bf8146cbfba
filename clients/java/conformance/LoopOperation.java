package conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.socketregistry.v1.Message;
import io.socketregistry.v1.ReadRequest;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import samples.Connection;
import samples.Loop;

/** A run of the loop of the samples, whose bodies may wait until they are told how to end. */
final class LoopOperation extends Operation {
  private final Map<Long, CompletableFuture<Boolean>> outcomes = new ConcurrentHashMap<>();
  private final Loop loop;
  private final int count;
  private final boolean isManual;
  private int handledCount;

  LoopOperation(Connection connection, JsonObject arguments, Consumer<JsonObject> items) {
    super(connection, "messages", arguments, 0, items);
    loop = new Loop(connection, ReadRequest.newBuilder()
        .setSocketId(argument("socket_id", new JsonPrimitive("")).getAsString())
        .setConsumer(argument("consumer", new JsonPrimitive("")).getAsString())
        .setMaxOutstanding(argument("max_outstanding", new JsonPrimitive(1)).getAsInt())
        .build(), Duration.ZERO);
    count = argument("count", new JsonPrimitive(0)).getAsInt();
    isManual = argument("manual", new JsonPrimitive(false)).getAsBoolean();
  }

  @Override
  JsonObject run() throws Exception {
    loop.run(this::handle);
    JsonObject result = new JsonObject();
    result.addProperty("handled", handledCount);
    return result;
  }

  @Override
  void settle(long sequence, boolean isDone) {
    outcomeOf(sequence).complete(isDone);
  }

  private void handle(Message message) throws Exception {
    JsonObject item = new JsonObject();
    item.add("message", Json.of(message));
    items.accept(item);
    if (isManual) {
      boolean isDone = outcomeOf(message.getSequence()).get();
      outcomes.remove(message.getSequence());
      if (!isDone) {
        throw new IllegalStateException("told to fail");
      }
    }
    handledCount += 1;
    if (handledCount == count) {
      loop.stop();
    }
  }

  private CompletableFuture<Boolean> outcomeOf(long sequence) {
    return outcomes.computeIfAbsent(sequence, unused -> new CompletableFuture<>());
  }

  private JsonElement argument(String name, JsonPrimitive fallback) {
    return arguments.has(name) ? arguments.get(name) : fallback;
  }
}
