package conformance;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusException;
import samples.Connection;

/** Messages and errors in the JSON form of the driver's protocol. */
final class Json {
  private static final JsonFormat.Printer PRINTER =
      JsonFormat.printer().preservingProtoFieldNames().omittingInsignificantWhitespace();

  private Json() {}

  static JsonObject of(MessageOrBuilder message) throws InvalidProtocolBufferException {
    return JsonParser.parseString(PRINTER.print(message)).getAsJsonObject();
  }

  /** Fills a request. */
  static <B extends Message.Builder> B into(B builder, JsonObject json) throws InvalidProtocolBufferException {
    JsonFormat.parser().merge(json.toString(), builder);
    return builder;
  }

  static JsonObject ofError(StatusException error) {
    ErrorInfo info = Connection.infoOf(error);
    JsonObject metadata = new JsonObject();
    info.getMetadataMap().forEach(metadata::addProperty);
    return ofFailure(error.getStatus(), info.getReason(), metadata);
  }

  static JsonObject ofCancellation() {
    return ofFailure(Status.CANCELLED, "", new JsonObject());
  }

  static JsonObject ofDefect(Exception defect) {
    return ofFailure(Status.UNKNOWN.withDescription(defect.toString()), "", new JsonObject());
  }

  private static JsonObject ofFailure(Status status, String reason, JsonObject metadata) {
    JsonObject failure = new JsonObject();
    failure.addProperty("code", status.getCode().name());
    failure.addProperty("reason", reason);
    failure.add("metadata", metadata);
    failure.addProperty("message", status.getDescription());
    return failure;
  }
}
