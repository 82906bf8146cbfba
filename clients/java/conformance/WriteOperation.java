package conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.grpc.StatusException;
import io.socketregistry.v1.WriteRequest;
import io.socketregistry.v1.WriteResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import samples.Connection;
import samples.Writer;

/** A run of the writer of the samples. */
final class WriteOperation extends Operation {
  WriteOperation(Connection connection, JsonObject arguments, Consumer<JsonObject> items) {
    super(connection, "write_stream", arguments, 0, items);
  }

  @Override
  JsonObject run() throws Exception {
    List<WriteRequest> requests = new ArrayList<>();
    for (JsonElement request : arguments.getAsJsonArray("writes")) {
      requests.add(Json.into(WriteRequest.newBuilder(), request.getAsJsonObject()).build());
    }
    // Tells one answer after the other, while there are still some to write.
    ExecutorService teller = Executors.newSingleThreadExecutor();
    Writer writer = new Writer(connection);
    try {
      List<Future<?>> told = new ArrayList<>();
      for (WriteRequest request : requests) {
        CompletableFuture<WriteResponse> answer = writer.write(request);
        told.add(teller.submit(() -> {
          items.accept(itemOf(answer));
          return null;
        }));
      }
      writer.close();
      for (Future<?> one : told) {
        one.get();
      }
    } finally {
      writer.cancel();
      teller.shutdownNow();
    }
    return new JsonObject();
  }

  private static JsonObject itemOf(CompletableFuture<WriteResponse> answer) throws Exception {
    JsonObject item = new JsonObject();
    try {
      item.add("response", Json.of(answer.get()));
    } catch (ExecutionException refused) {
      item.add("error", Json.ofError((StatusException) refused.getCause()));
    }
    return item;
  }
}
