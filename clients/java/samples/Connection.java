package samples;

import static java.util.concurrent.TimeUnit.SECONDS;

import com.google.protobuf.Any;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.StatusException;
import io.grpc.protobuf.StatusProto;
import io.socketregistry.v1.SocketRegistryGrpc;
import io.socketregistry.v1.SocketRegistryGrpc.SocketRegistryBlockingV2Stub;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/** A connection to a registry: what of gRPC is worth setting once for all calls, and how its failures are told apart. */
public final class Connection implements AutoCloseable {
  /** The calls that do no harm when they are carried out twice, some of them because they have a request_id. */
  private static final List<String> REPEATABLE =
      List.of("Create", "Write", "Ask", "ListSockets", "GetSocketInfo", "MarkActive", "MarkInactive", "MarkUnresponsive",
          "Peek", "Acknowledge", "GetMessage", "Heartbeat", "GetServerInfo");
  private static final int FRAME_BYTES_MAX = 32 << 20;
  private static final int REPEATED_BYTES_MAX = 4 << 20;
  private static final int CALL_SECONDS_MAX = 10;

  private final ManagedChannel channel;
  private final SocketRegistryBlockingV2Stub registry;

  /**
   * Connects at the first call.
   *
   * @param address {@code host:port}
   */
  public Connection(String address) {
    // A server behind TLS wants TlsChannelCredentials.create() instead.
    channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
        // Who only waits for messages learns from these that the server's machine is gone.
        .keepAliveTime(30, SECONDS)
        .keepAliveTimeout(15, SECONDS)
        .maxInboundMessageSize(FRAME_BYTES_MAX)
        .perRpcBufferLimit(REPEATED_BYTES_MAX)
        .defaultServiceConfig(Map.of("methodConfig", List.of(repetition())))
        .intercept(new Defaults())
        .build();
    registry = SocketRegistryGrpc.newBlockingV2Stub(channel);
  }

  /** The address in SOCKET_REGISTRY_ADDRESS, or that of a registry on this machine. */
  public static String address() {
    return Optional.ofNullable(System.getenv("SOCKET_REGISTRY_ADDRESS")).orElse("127.0.0.1:50051");
  }

  /** The calls. Interrupting a thread cancels the call that it waits for. */
  public SocketRegistryBlockingV2Stub registry() {
    return registry;
  }

  /** The reason why the registry refused a call, one of a closed list. Empty when it was not the registry that spoke. */
  public static String reasonOf(StatusException error) {
    return infoOf(error).getReason();
  }

  /** What the registry says about a call that it refused. Empty when it was not the registry that spoke. */
  public static ErrorInfo infoOf(StatusException error) {
    try {
      for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          return detail.unpack(ErrorInfo.class);
        }
      }
    } catch (InvalidProtocolBufferException damaged) {
      // Then it says nothing.
    }
    return ErrorInfo.getDefaultInstance();
  }

  /** Whether nobody answered, as when the server stops or the connection breaks: the same call may do better later. */
  public static boolean isUnanswered(StatusException error) {
    return switch (error.getStatus().getCode()) {
      case UNAVAILABLE, DEADLINE_EXCEEDED -> true;
      // Without a reason it is the transport that speaks, not the registry.
      case INTERNAL, UNKNOWN, CANCELLED -> reasonOf(error).isEmpty();
      default -> false;
    };
  }

  /** Pauses after so many failures in a row, and has the channel connect again meanwhile, which may itself wait minutes. */
  public void pauseAfter(int failures) throws InterruptedException {
    channel.resetConnectBackoff();
    double pauseMs = Math.min(5_000, 100 * Math.pow(2, failures - 1));
    Thread.sleep((long) (pauseMs * ThreadLocalRandom.current().nextDouble(0.5, 1)));
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  private static Map<String, Object> repetition() {
    String service = SocketRegistryGrpc.SERVICE_NAME;
    return Map.of(
        "name", REPEATABLE.stream().map(method -> Map.of("service", service, "method", method)).toList(),
        "retryPolicy", Map.of("maxAttempts", 5.0, "initialBackoff", "0.2s", "maxBackoff", "3s", "backoffMultiplier", 2.0,
            "retryableStatusCodes", List.of("UNAVAILABLE")));
  }

  /** Gives a deadline to each unary call, and a request_id, the same for every attempt, to each request that has none. */
  private static final class Defaults implements ClientInterceptor {
    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      boolean isUnbounded = method.getType() == MethodType.UNARY && options.getDeadline() == null;
      CallOptions bounded = isUnbounded ? options.withDeadlineAfter(CALL_SECONDS_MAX, SECONDS) : options;
      return new SimpleForwardingClientCall<>(next.newCall(method, bounded)) {
        @Override
        public void sendMessage(Q request) {
          super.sendMessage(withRequestId(request));
        }
      };
    }

    @SuppressWarnings("unchecked") // The builder of a request builds what the request is.
    private static <Q> Q withRequestId(Q request) {
      Message message = (Message) request;
      FieldDescriptor field = message.getDescriptorForType().findFieldByName("request_id");
      if (field == null || !message.getField(field).equals("")) {
        return request;
      }
      return (Q) message.toBuilder().setField(field, UUID.randomUUID().toString()).build();
    }
  }
}
