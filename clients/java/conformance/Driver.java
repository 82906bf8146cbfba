package conformance;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.grpc.StatusException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import samples.Connection;

/** The driver of the conformance test: operations as lines of JSON on standard input, their answers on standard output. */
public final class Driver {
  private final PrintStream output = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  private final Map<Long, Operation> running = new ConcurrentHashMap<>();
  private final Connection connection = new Connection(Connection.address());

  private Driver() {}

  public static void main(String[] arguments) throws Exception {
    new Driver().run();
    // Operations under way are not waited for.
    System.exit(0);
  }

  private void run() throws Exception {
    JsonObject ready = new JsonObject();
    ready.addProperty("ready", true);
    print(ready);
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = input.readLine()) != null; ) {
      begin(JsonParser.parseString(line).getAsJsonObject());
    }
  }

  private void begin(JsonObject line) {
    long id = line.get("id").getAsLong();
    String name = line.get("op").getAsString();
    JsonObject arguments = line.has("args") ? line.getAsJsonObject("args") : new JsonObject();
    switch (name) {
      case "settle", "cancel" -> {
        Operation other = running.get(arguments.get("id").getAsLong());
        if (other != null && name.equals("cancel")) {
          other.cancel();
        } else if (other != null) {
          other.settle(arguments.get("sequence").getAsLong(), arguments.get("outcome").getAsString().equals("return"));
        }
        answer(id, "result", new JsonObject());
      }
      default -> {
        Consumer<JsonObject> items = item -> answer(id, "item", item);
        long timeoutMs = line.has("timeout_ms") ? line.get("timeout_ms").getAsLong() : 0;
        Operation operation = switch (name) {
          case "messages" -> new LoopOperation(connection, arguments, items);
          case "agent" -> new AgentOperation(connection, arguments, items);
          case "write_stream" -> new WriteOperation(connection, arguments, items);
          default -> new Operation(connection, name, arguments, timeoutMs, items);
        };
        running.put(id, operation);
        operation.start(() -> carryOut(id, operation));
      }
    }
  }

  private void carryOut(long id, Operation operation) {
    try {
      answer(id, "result", operation.run());
    } catch (StatusException error) {
      answer(id, "error", Json.ofError(error));
    } catch (InterruptedException cancelled) {
      answer(id, "error", Json.ofCancellation());
    } catch (Exception defect) {
      defect.printStackTrace();
      answer(id, "error", Json.ofDefect(defect));
    } finally {
      running.remove(id);
    }
  }

  private void answer(long id, String kind, JsonObject value) {
    JsonObject line = new JsonObject();
    line.addProperty("id", id);
    line.add(kind, value);
    print(line);
  }

  private synchronized void print(JsonObject line) {
    output.println(line);
  }
}
