package conformance;

import com.google.gson.JsonObject;
import io.socketregistry.v1.Message;
import java.util.function.Consumer;
import samples.Agent;
import samples.Connection;

/** A run of the agent of the samples. */
final class AgentOperation extends Operation {
  private final Agent agent;
  private volatile boolean isCancelled;

  AgentOperation(Connection connection, JsonObject arguments, Consumer<JsonObject> items) {
    super(connection, "agent", arguments, 0, items);
    String model = arguments.has("model") ? arguments.get("model").getAsString() : "";
    agent = new Agent(connection, arguments.get("socket_id").getAsString(), model, this::answer);
  }

  @Override
  JsonObject run() throws Exception {
    agent.run();
    JsonObject result = new JsonObject();
    result.addProperty("ended", isCancelled ? "left" : "deleted");
    return result;
  }

  @Override
  void cancel() {
    isCancelled = true;
    agent.stop();
  }

  private String answer(Message message) {
    JsonObject item = new JsonObject();
    item.addProperty("content", message.getContent());
    item.addProperty("attempt", message.getDeliveryAttempt());
    items.accept(item);
    if (message.getContent().startsWith("fail") && message.getDeliveryAttempt() == 1) {
      throw new IllegalStateException("told to fail");
    }
    return arguments.get("answer").getAsString() + " " + message.getContent();
  }
}
