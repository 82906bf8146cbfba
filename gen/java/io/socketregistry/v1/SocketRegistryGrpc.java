package io.socketregistry.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * SocketRegistry keeps the sockets of a team and carries their messages.
 * The address `team-chat-all` stands for the whole team. Writing to it delivers one message to every socket that can
 * take it; reading it gives the team feed, which is what the team says.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class SocketRegistryGrpc {

  private SocketRegistryGrpc() {}

  public static final java.lang.String SERVICE_NAME = "socketregistry.v1.SocketRegistry";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.CreateRequest,
      io.socketregistry.v1.CreateResponse> getCreateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Create",
      requestType = io.socketregistry.v1.CreateRequest.class,
      responseType = io.socketregistry.v1.CreateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.CreateRequest,
      io.socketregistry.v1.CreateResponse> getCreateMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.CreateRequest, io.socketregistry.v1.CreateResponse> getCreateMethod;
    if ((getCreateMethod = SocketRegistryGrpc.getCreateMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getCreateMethod = SocketRegistryGrpc.getCreateMethod) == null) {
          SocketRegistryGrpc.getCreateMethod = getCreateMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.CreateRequest, io.socketregistry.v1.CreateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Create"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.CreateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.CreateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Create"))
              .build();
        }
      }
    }
    return getCreateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.WriteRequest,
      io.socketregistry.v1.WriteResponse> getWriteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Write",
      requestType = io.socketregistry.v1.WriteRequest.class,
      responseType = io.socketregistry.v1.WriteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.WriteRequest,
      io.socketregistry.v1.WriteResponse> getWriteMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.WriteRequest, io.socketregistry.v1.WriteResponse> getWriteMethod;
    if ((getWriteMethod = SocketRegistryGrpc.getWriteMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getWriteMethod = SocketRegistryGrpc.getWriteMethod) == null) {
          SocketRegistryGrpc.getWriteMethod = getWriteMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.WriteRequest, io.socketregistry.v1.WriteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Write"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.WriteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.WriteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Write"))
              .build();
        }
      }
    }
    return getWriteMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.WriteStreamRequest,
      io.socketregistry.v1.WriteStreamResponse> getWriteStreamMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WriteStream",
      requestType = io.socketregistry.v1.WriteStreamRequest.class,
      responseType = io.socketregistry.v1.WriteStreamResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.WriteStreamRequest,
      io.socketregistry.v1.WriteStreamResponse> getWriteStreamMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.WriteStreamRequest, io.socketregistry.v1.WriteStreamResponse> getWriteStreamMethod;
    if ((getWriteStreamMethod = SocketRegistryGrpc.getWriteStreamMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getWriteStreamMethod = SocketRegistryGrpc.getWriteStreamMethod) == null) {
          SocketRegistryGrpc.getWriteStreamMethod = getWriteStreamMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.WriteStreamRequest, io.socketregistry.v1.WriteStreamResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WriteStream"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.WriteStreamRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.WriteStreamResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("WriteStream"))
              .build();
        }
      }
    }
    return getWriteStreamMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.ReadRequest,
      io.socketregistry.v1.ReadResponse> getReadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Read",
      requestType = io.socketregistry.v1.ReadRequest.class,
      responseType = io.socketregistry.v1.ReadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.ReadRequest,
      io.socketregistry.v1.ReadResponse> getReadMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.ReadRequest, io.socketregistry.v1.ReadResponse> getReadMethod;
    if ((getReadMethod = SocketRegistryGrpc.getReadMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getReadMethod = SocketRegistryGrpc.getReadMethod) == null) {
          SocketRegistryGrpc.getReadMethod = getReadMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.ReadRequest, io.socketregistry.v1.ReadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Read"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.ReadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.ReadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Read"))
              .build();
        }
      }
    }
    return getReadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.ResetRequest,
      io.socketregistry.v1.ResetResponse> getResetMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Reset",
      requestType = io.socketregistry.v1.ResetRequest.class,
      responseType = io.socketregistry.v1.ResetResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.ResetRequest,
      io.socketregistry.v1.ResetResponse> getResetMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.ResetRequest, io.socketregistry.v1.ResetResponse> getResetMethod;
    if ((getResetMethod = SocketRegistryGrpc.getResetMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getResetMethod = SocketRegistryGrpc.getResetMethod) == null) {
          SocketRegistryGrpc.getResetMethod = getResetMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.ResetRequest, io.socketregistry.v1.ResetResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Reset"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.ResetRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.ResetResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Reset"))
              .build();
        }
      }
    }
    return getResetMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.DeleteRequest,
      io.socketregistry.v1.DeleteResponse> getDeleteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Delete",
      requestType = io.socketregistry.v1.DeleteRequest.class,
      responseType = io.socketregistry.v1.DeleteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.DeleteRequest,
      io.socketregistry.v1.DeleteResponse> getDeleteMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.DeleteRequest, io.socketregistry.v1.DeleteResponse> getDeleteMethod;
    if ((getDeleteMethod = SocketRegistryGrpc.getDeleteMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getDeleteMethod = SocketRegistryGrpc.getDeleteMethod) == null) {
          SocketRegistryGrpc.getDeleteMethod = getDeleteMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.DeleteRequest, io.socketregistry.v1.DeleteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Delete"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.DeleteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.DeleteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Delete"))
              .build();
        }
      }
    }
    return getDeleteMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.ListSocketsRequest,
      io.socketregistry.v1.ListSocketsResponse> getListSocketsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListSockets",
      requestType = io.socketregistry.v1.ListSocketsRequest.class,
      responseType = io.socketregistry.v1.ListSocketsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.ListSocketsRequest,
      io.socketregistry.v1.ListSocketsResponse> getListSocketsMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.ListSocketsRequest, io.socketregistry.v1.ListSocketsResponse> getListSocketsMethod;
    if ((getListSocketsMethod = SocketRegistryGrpc.getListSocketsMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getListSocketsMethod = SocketRegistryGrpc.getListSocketsMethod) == null) {
          SocketRegistryGrpc.getListSocketsMethod = getListSocketsMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.ListSocketsRequest, io.socketregistry.v1.ListSocketsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListSockets"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.ListSocketsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.ListSocketsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("ListSockets"))
              .build();
        }
      }
    }
    return getListSocketsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.GetSocketInfoRequest,
      io.socketregistry.v1.GetSocketInfoResponse> getGetSocketInfoMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetSocketInfo",
      requestType = io.socketregistry.v1.GetSocketInfoRequest.class,
      responseType = io.socketregistry.v1.GetSocketInfoResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.GetSocketInfoRequest,
      io.socketregistry.v1.GetSocketInfoResponse> getGetSocketInfoMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.GetSocketInfoRequest, io.socketregistry.v1.GetSocketInfoResponse> getGetSocketInfoMethod;
    if ((getGetSocketInfoMethod = SocketRegistryGrpc.getGetSocketInfoMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getGetSocketInfoMethod = SocketRegistryGrpc.getGetSocketInfoMethod) == null) {
          SocketRegistryGrpc.getGetSocketInfoMethod = getGetSocketInfoMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.GetSocketInfoRequest, io.socketregistry.v1.GetSocketInfoResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetSocketInfo"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.GetSocketInfoRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.GetSocketInfoResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("GetSocketInfo"))
              .build();
        }
      }
    }
    return getGetSocketInfoMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.MarkUnresponsiveRequest,
      io.socketregistry.v1.MarkUnresponsiveResponse> getMarkUnresponsiveMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "MarkUnresponsive",
      requestType = io.socketregistry.v1.MarkUnresponsiveRequest.class,
      responseType = io.socketregistry.v1.MarkUnresponsiveResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.MarkUnresponsiveRequest,
      io.socketregistry.v1.MarkUnresponsiveResponse> getMarkUnresponsiveMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.MarkUnresponsiveRequest, io.socketregistry.v1.MarkUnresponsiveResponse> getMarkUnresponsiveMethod;
    if ((getMarkUnresponsiveMethod = SocketRegistryGrpc.getMarkUnresponsiveMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getMarkUnresponsiveMethod = SocketRegistryGrpc.getMarkUnresponsiveMethod) == null) {
          SocketRegistryGrpc.getMarkUnresponsiveMethod = getMarkUnresponsiveMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.MarkUnresponsiveRequest, io.socketregistry.v1.MarkUnresponsiveResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "MarkUnresponsive"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.MarkUnresponsiveRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.MarkUnresponsiveResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("MarkUnresponsive"))
              .build();
        }
      }
    }
    return getMarkUnresponsiveMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.MarkActiveRequest,
      io.socketregistry.v1.MarkActiveResponse> getMarkActiveMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "MarkActive",
      requestType = io.socketregistry.v1.MarkActiveRequest.class,
      responseType = io.socketregistry.v1.MarkActiveResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.MarkActiveRequest,
      io.socketregistry.v1.MarkActiveResponse> getMarkActiveMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.MarkActiveRequest, io.socketregistry.v1.MarkActiveResponse> getMarkActiveMethod;
    if ((getMarkActiveMethod = SocketRegistryGrpc.getMarkActiveMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getMarkActiveMethod = SocketRegistryGrpc.getMarkActiveMethod) == null) {
          SocketRegistryGrpc.getMarkActiveMethod = getMarkActiveMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.MarkActiveRequest, io.socketregistry.v1.MarkActiveResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "MarkActive"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.MarkActiveRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.MarkActiveResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("MarkActive"))
              .build();
        }
      }
    }
    return getMarkActiveMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.MarkInactiveRequest,
      io.socketregistry.v1.MarkInactiveResponse> getMarkInactiveMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "MarkInactive",
      requestType = io.socketregistry.v1.MarkInactiveRequest.class,
      responseType = io.socketregistry.v1.MarkInactiveResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.MarkInactiveRequest,
      io.socketregistry.v1.MarkInactiveResponse> getMarkInactiveMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.MarkInactiveRequest, io.socketregistry.v1.MarkInactiveResponse> getMarkInactiveMethod;
    if ((getMarkInactiveMethod = SocketRegistryGrpc.getMarkInactiveMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getMarkInactiveMethod = SocketRegistryGrpc.getMarkInactiveMethod) == null) {
          SocketRegistryGrpc.getMarkInactiveMethod = getMarkInactiveMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.MarkInactiveRequest, io.socketregistry.v1.MarkInactiveResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "MarkInactive"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.MarkInactiveRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.MarkInactiveResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("MarkInactive"))
              .build();
        }
      }
    }
    return getMarkInactiveMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.PeekRequest,
      io.socketregistry.v1.PeekResponse> getPeekMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Peek",
      requestType = io.socketregistry.v1.PeekRequest.class,
      responseType = io.socketregistry.v1.PeekResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.PeekRequest,
      io.socketregistry.v1.PeekResponse> getPeekMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.PeekRequest, io.socketregistry.v1.PeekResponse> getPeekMethod;
    if ((getPeekMethod = SocketRegistryGrpc.getPeekMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getPeekMethod = SocketRegistryGrpc.getPeekMethod) == null) {
          SocketRegistryGrpc.getPeekMethod = getPeekMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.PeekRequest, io.socketregistry.v1.PeekResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Peek"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.PeekRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.PeekResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Peek"))
              .build();
        }
      }
    }
    return getPeekMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.AcknowledgeRequest,
      io.socketregistry.v1.AcknowledgeResponse> getAcknowledgeMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Acknowledge",
      requestType = io.socketregistry.v1.AcknowledgeRequest.class,
      responseType = io.socketregistry.v1.AcknowledgeResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.AcknowledgeRequest,
      io.socketregistry.v1.AcknowledgeResponse> getAcknowledgeMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.AcknowledgeRequest, io.socketregistry.v1.AcknowledgeResponse> getAcknowledgeMethod;
    if ((getAcknowledgeMethod = SocketRegistryGrpc.getAcknowledgeMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getAcknowledgeMethod = SocketRegistryGrpc.getAcknowledgeMethod) == null) {
          SocketRegistryGrpc.getAcknowledgeMethod = getAcknowledgeMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.AcknowledgeRequest, io.socketregistry.v1.AcknowledgeResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Acknowledge"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.AcknowledgeRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.AcknowledgeResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Acknowledge"))
              .build();
        }
      }
    }
    return getAcknowledgeMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.RequeueRequest,
      io.socketregistry.v1.RequeueResponse> getRequeueMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Requeue",
      requestType = io.socketregistry.v1.RequeueRequest.class,
      responseType = io.socketregistry.v1.RequeueResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.RequeueRequest,
      io.socketregistry.v1.RequeueResponse> getRequeueMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.RequeueRequest, io.socketregistry.v1.RequeueResponse> getRequeueMethod;
    if ((getRequeueMethod = SocketRegistryGrpc.getRequeueMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getRequeueMethod = SocketRegistryGrpc.getRequeueMethod) == null) {
          SocketRegistryGrpc.getRequeueMethod = getRequeueMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.RequeueRequest, io.socketregistry.v1.RequeueResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Requeue"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.RequeueRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.RequeueResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Requeue"))
              .build();
        }
      }
    }
    return getRequeueMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.GetMessageRequest,
      io.socketregistry.v1.GetMessageResponse> getGetMessageMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetMessage",
      requestType = io.socketregistry.v1.GetMessageRequest.class,
      responseType = io.socketregistry.v1.GetMessageResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.GetMessageRequest,
      io.socketregistry.v1.GetMessageResponse> getGetMessageMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.GetMessageRequest, io.socketregistry.v1.GetMessageResponse> getGetMessageMethod;
    if ((getGetMessageMethod = SocketRegistryGrpc.getGetMessageMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getGetMessageMethod = SocketRegistryGrpc.getGetMessageMethod) == null) {
          SocketRegistryGrpc.getGetMessageMethod = getGetMessageMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.GetMessageRequest, io.socketregistry.v1.GetMessageResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetMessage"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.GetMessageRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.GetMessageResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("GetMessage"))
              .build();
        }
      }
    }
    return getGetMessageMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.HeartbeatRequest,
      io.socketregistry.v1.HeartbeatResponse> getHeartbeatMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Heartbeat",
      requestType = io.socketregistry.v1.HeartbeatRequest.class,
      responseType = io.socketregistry.v1.HeartbeatResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.HeartbeatRequest,
      io.socketregistry.v1.HeartbeatResponse> getHeartbeatMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.HeartbeatRequest, io.socketregistry.v1.HeartbeatResponse> getHeartbeatMethod;
    if ((getHeartbeatMethod = SocketRegistryGrpc.getHeartbeatMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getHeartbeatMethod = SocketRegistryGrpc.getHeartbeatMethod) == null) {
          SocketRegistryGrpc.getHeartbeatMethod = getHeartbeatMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.HeartbeatRequest, io.socketregistry.v1.HeartbeatResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Heartbeat"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.HeartbeatRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.HeartbeatResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Heartbeat"))
              .build();
        }
      }
    }
    return getHeartbeatMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.UpdateRequest,
      io.socketregistry.v1.UpdateResponse> getUpdateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Update",
      requestType = io.socketregistry.v1.UpdateRequest.class,
      responseType = io.socketregistry.v1.UpdateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.UpdateRequest,
      io.socketregistry.v1.UpdateResponse> getUpdateMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.UpdateRequest, io.socketregistry.v1.UpdateResponse> getUpdateMethod;
    if ((getUpdateMethod = SocketRegistryGrpc.getUpdateMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getUpdateMethod = SocketRegistryGrpc.getUpdateMethod) == null) {
          SocketRegistryGrpc.getUpdateMethod = getUpdateMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.UpdateRequest, io.socketregistry.v1.UpdateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Update"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.UpdateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.UpdateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Update"))
              .build();
        }
      }
    }
    return getUpdateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.WatchRequest,
      io.socketregistry.v1.WatchResponse> getWatchMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Watch",
      requestType = io.socketregistry.v1.WatchRequest.class,
      responseType = io.socketregistry.v1.WatchResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.WatchRequest,
      io.socketregistry.v1.WatchResponse> getWatchMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.WatchRequest, io.socketregistry.v1.WatchResponse> getWatchMethod;
    if ((getWatchMethod = SocketRegistryGrpc.getWatchMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getWatchMethod = SocketRegistryGrpc.getWatchMethod) == null) {
          SocketRegistryGrpc.getWatchMethod = getWatchMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.WatchRequest, io.socketregistry.v1.WatchResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Watch"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.WatchRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.WatchResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Watch"))
              .build();
        }
      }
    }
    return getWatchMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.AskRequest,
      io.socketregistry.v1.AskResponse> getAskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Ask",
      requestType = io.socketregistry.v1.AskRequest.class,
      responseType = io.socketregistry.v1.AskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.AskRequest,
      io.socketregistry.v1.AskResponse> getAskMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.AskRequest, io.socketregistry.v1.AskResponse> getAskMethod;
    if ((getAskMethod = SocketRegistryGrpc.getAskMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getAskMethod = SocketRegistryGrpc.getAskMethod) == null) {
          SocketRegistryGrpc.getAskMethod = getAskMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.AskRequest, io.socketregistry.v1.AskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Ask"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.AskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.AskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("Ask"))
              .build();
        }
      }
    }
    return getAskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.socketregistry.v1.GetServerInfoRequest,
      io.socketregistry.v1.GetServerInfoResponse> getGetServerInfoMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetServerInfo",
      requestType = io.socketregistry.v1.GetServerInfoRequest.class,
      responseType = io.socketregistry.v1.GetServerInfoResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.socketregistry.v1.GetServerInfoRequest,
      io.socketregistry.v1.GetServerInfoResponse> getGetServerInfoMethod() {
    io.grpc.MethodDescriptor<io.socketregistry.v1.GetServerInfoRequest, io.socketregistry.v1.GetServerInfoResponse> getGetServerInfoMethod;
    if ((getGetServerInfoMethod = SocketRegistryGrpc.getGetServerInfoMethod) == null) {
      synchronized (SocketRegistryGrpc.class) {
        if ((getGetServerInfoMethod = SocketRegistryGrpc.getGetServerInfoMethod) == null) {
          SocketRegistryGrpc.getGetServerInfoMethod = getGetServerInfoMethod =
              io.grpc.MethodDescriptor.<io.socketregistry.v1.GetServerInfoRequest, io.socketregistry.v1.GetServerInfoResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetServerInfo"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.GetServerInfoRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.socketregistry.v1.GetServerInfoResponse.getDefaultInstance()))
              .setSchemaDescriptor(new SocketRegistryMethodDescriptorSupplier("GetServerInfo"))
              .build();
        }
      }
    }
    return getGetServerInfoMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static SocketRegistryStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SocketRegistryStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SocketRegistryStub>() {
        @java.lang.Override
        public SocketRegistryStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SocketRegistryStub(channel, callOptions);
        }
      };
    return SocketRegistryStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static SocketRegistryBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SocketRegistryBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SocketRegistryBlockingV2Stub>() {
        @java.lang.Override
        public SocketRegistryBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SocketRegistryBlockingV2Stub(channel, callOptions);
        }
      };
    return SocketRegistryBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static SocketRegistryBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SocketRegistryBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SocketRegistryBlockingStub>() {
        @java.lang.Override
        public SocketRegistryBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SocketRegistryBlockingStub(channel, callOptions);
        }
      };
    return SocketRegistryBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static SocketRegistryFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<SocketRegistryFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<SocketRegistryFutureStub>() {
        @java.lang.Override
        public SocketRegistryFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new SocketRegistryFutureStub(channel, callOptions);
        }
      };
    return SocketRegistryFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * SocketRegistry keeps the sockets of a team and carries their messages.
   * The address `team-chat-all` stands for the whole team. Writing to it delivers one message to every socket that can
   * take it; reading it gives the team feed, which is what the team says.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Create registers a socket.
     * Errors: ALREADY_EXISTS `SOCKET_EXISTS` when the id is taken and on_conflict does not say otherwise;
     * INVALID_ARGUMENT `INVALID_SOCKET_ID`, `CONTEXT_TOO_DEEP`, `INVALID_FIELD` or `REQUEST_ID_REUSED`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED` for `team-chat-all`; RESOURCE_EXHAUSTED `SOCKET_LIMIT` or `STORAGE_FULL`.
     * </pre>
     */
    default void create(io.socketregistry.v1.CreateRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.CreateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCreateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Write puts one message into the queue of one socket, or, for `team-chat-all`, delivers it to every socket that can
     * take it. It is answered when the message is durable; only then can anyone see it.
     * A write by X to X (sender equals socket_id) is X's output: it goes to the team feed, never into X's own queue, and
     * is never refused for X's state or queue.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `SOCKET_INACTIVE` or `SOCKET_UNRESPONSIVE`;
     * RESOURCE_EXHAUSTED `QUEUE_FULL` or `STORAGE_FULL`; INVALID_ARGUMENT `MESSAGE_TOO_LARGE`, `INVALID_SOCKET_ID`,
     * `INVALID_FIELD` or `REQUEST_ID_REUSED`; UNAVAILABLE `STORAGE_UNAVAILABLE`, after which the outcome is unknown: repeat
     * the call with the same request_id.
     * </pre>
     */
    default void write(io.socketregistry.v1.WriteRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.WriteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWriteMethod(), responseObserver);
    }

    /**
     * <pre>
     * WriteStream is Write for who has much to say: many writes on one call, and many in one frame. Each write is a Write in
     * every respect and is answered when it is durable, in the order of the writes; one fsync serves all that come together,
     * from this call and from others. A write that is refused is answered with its error and ends nothing.
     * The writes of one call are appended in their order, so what two of them put into one queue stands there in that order.
     * Frames are no units: a response answers whatever became durable meanwhile, so count the results and not the frames.
     * Writes that are not answered yet are limited, in number and in bytes; beyond that the server reads no further, and
     * HTTP/2 makes the client wait. A frame holds 10,000 writes at most.
     * The stream ends with OK when the client has ended its side and everything is answered. When it ends in any other way,
     * what was not answered may have been written or not: repeat it with the same request_ids.
     * Errors of the stream: INVALID_ARGUMENT `INVALID_FIELD` for a frame that is no valid WriteStreamRequest or holds too many
     * writes, after what came before is answered; UNAVAILABLE `STORAGE_UNAVAILABLE` when the outcome of a write is unknown, and
     * `SHUTTING_DOWN` when the server stops. All other errors of Write are told of the single write.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<io.socketregistry.v1.WriteStreamRequest> writeStream(
        io.grpc.stub.StreamObserver<io.socketregistry.v1.WriteStreamResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getWriteStreamMethod(), responseObserver);
    }

    /**
     * <pre>
     * Read streams a socket's messages: what waits first, then what arrives. Reading `team-chat-all` streams the team
     * feed and takes nothing from any other socket's queue.
     * In ACK_MODE_EXPLICIT each message stays in flight until Acknowledge settles it or its deadline passes; then it is
     * delivered again, to whoever reads, with a higher delivery_attempt, and parked after max_delivery_attempts. AUTO and
     * EXPLICIT readers may share a queue: each message goes to one of them.
     * The stream ends with OK only if the request asked for an end (no_wait, max_messages), and then what it delivered
     * keeps its deadline. When it ends in any other way, what it delivered and nobody settled is delivered again after what
     * remains of the deadline, but at most 15 seconds later, and that counts as no failed attempt.
     * It ends with NOT_FOUND `SOCKET_DELETED` when the socket is deleted; with ABORTED `READER_SUPERSEDED` when an exclusive
     * Read took over; with UNAVAILABLE when the server stops, after which the caller should read again.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; OUT_OF_RANGE `POSITION_LOST` when `after` is no longer (or was never) there;
     * RESOURCE_EXHAUSTED `READER_LIMIT`; ABORTED `READER_SUPERSEDED` when an exclusive Read holds the queue and this one is
     * not exclusive; INVALID_ARGUMENT `INVALID_FIELD`, `AFTER_NOT_ALLOWED` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    default void read(io.socketregistry.v1.ReadRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.ReadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getReadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Reset clears a socket's queue and context and keeps the socket. Open Reads of the socket stay open and get a RESET
     * event. Reset of `team-chat-all` clears the feed.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`.
     * </pre>
     */
    default void reset(io.socketregistry.v1.ResetRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.ResetResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getResetMethod(), responseObserver);
    }

    /**
     * <pre>
     * Delete removes a socket, its queue and its context. Open Reads of it end with NOT_FOUND `SOCKET_DELETED`.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND` unless allow_missing is set; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    default void delete(io.socketregistry.v1.DeleteRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.DeleteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListSockets gives summaries, page by page: `team-chat-all` first, then the sockets in order of creation.
     * Errors: INVALID_ARGUMENT `INVALID_FIELD` for a page size or page token that is no such thing, or for a token that
     * was made for other filters.
     * </pre>
     */
    default void listSockets(io.socketregistry.v1.ListSocketsRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.ListSocketsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListSocketsMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetSocketInfo gives one socket in full, with its prompt and context.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`.
     * </pre>
     */
    default void getSocketInfo(io.socketregistry.v1.GetSocketInfoRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.GetSocketInfoResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetSocketInfoMethod(), responseObserver);
    }

    /**
     * <pre>
     * MarkUnresponsive makes a socket refuse new messages. What waits in its queue is kept and can be read.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    default void markUnresponsive(io.socketregistry.v1.MarkUnresponsiveRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.MarkUnresponsiveResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMarkUnresponsiveMethod(), responseObserver);
    }

    /**
     * <pre>
     * MarkActive is the way back: the socket takes messages again and has lost none.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    default void markActive(io.socketregistry.v1.MarkActiveRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.MarkActiveResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMarkActiveMethod(), responseObserver);
    }

    /**
     * <pre>
     * MarkInactive is a graceful leave: new messages are refused (or collected, with accept_when_away), what waits is
     * kept.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    default void markInactive(io.socketregistry.v1.MarkInactiveRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.MarkInactiveResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMarkInactiveMethod(), responseObserver);
    }

    /**
     * <pre>
     * Peek lists what waits in a queue, oldest first, page by page, and changes nothing.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`; OUT_OF_RANGE `POSITION_LOST` when the queue
     * was reset since the page token was made.
     * </pre>
     */
    default void peek(io.socketregistry.v1.PeekRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.PeekResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPeekMethod(), responseObserver);
    }

    /**
     * <pre>
     * Acknowledge settles deliveries of an EXPLICIT Read, gives them back, or asks for more time. It is answered when that
     * is durable, and needs no open stream. Of what is named twice the first of ack, nack and extend counts.
     * A sequence that is not in flight (unknown, settled, never delivered) or a wrong epoch is stale, and no error. An ack
     * also settles what was delivered, returned and not settled since: the work was done, only late.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    default void acknowledge(io.socketregistry.v1.AcknowledgeRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.AcknowledgeResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getAcknowledgeMethod(), responseObserver);
    }

    /**
     * <pre>
     * Requeue puts parked messages back into the queue, at the places they had, with all their attempts before them.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    default void requeue(io.socketregistry.v1.RequeueRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.RequeueResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRequeueMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetMessage gives a message and its receipts: what became of it at each recipient, as long as the message is retained.
     * Errors: NOT_FOUND `MESSAGE_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`.
     * </pre>
     */
    default void getMessage(io.socketregistry.v1.GetMessageRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.GetMessageResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetMessageMethod(), responseObserver);
    }

    /**
     * <pre>
     * Heartbeat is a sign of life: it renews the socket's lease, and makes the socket ACTIVE when the lease had expired. An
     * open AUTO or EXPLICIT Read does the same without a call.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `EPOCH_MISMATCH` or `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    default void heartbeat(io.socketregistry.v1.HeartbeatRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.HeartbeatResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getHeartbeatMethod(), responseObserver);
    }

    /**
     * <pre>
     * Update changes a socket's model, prompt, context, labels and config, and nothing else of it.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`;
     * INVALID_ARGUMENT `INVALID_FIELD` or `CONTEXT_TOO_DEEP`; RESOURCE_EXHAUSTED `STORAGE_FULL`.
     * </pre>
     */
    default void update(io.socketregistry.v1.UpdateRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.UpdateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUpdateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Watch streams the registry's changes in order of revision: a snapshot of all sockets, SYNCED, and then every change.
     * With after_revision it streams the changes after that revision, and no snapshot.
     * The stream has no end of its own: it ends with UNAVAILABLE when the server stops, after which the caller should watch
     * again, after the last revision it saw.
     * Errors: OUT_OF_RANGE `POSITION_LOST` when changes after after_revision are no longer there, or it never was;
     * RESOURCE_EXHAUSTED `READER_LIMIT`; INVALID_ARGUMENT `INVALID_FIELD`.
     * </pre>
     */
    default void watch(io.socketregistry.v1.WatchRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.WatchResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchMethod(), responseObserver);
    }

    /**
     * <pre>
     * Ask puts a question to the team, or to one socket, and streams the replies: every Write whose reply_to is the
     * question's message_id. It ends with OK after a summary, when every recipient has answered, max_replies have come, or
     * the time is up. A caller that comes again with the same request_id gets the replies so far and the rest, and the
     * question is not asked twice.
     * The question follows the rules of Write, except that an unsigned one does not appear on the team feed.
     * Errors: those of Write, and RESOURCE_EXHAUSTED `READER_LIMIT` when there are as many open Asks as allowed.
     * </pre>
     */
    default void ask(io.socketregistry.v1.AskRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.AskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getAskMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetServerInfo tells the server's version, limits, durability and state.
     * </pre>
     */
    default void getServerInfo(io.socketregistry.v1.GetServerInfoRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.GetServerInfoResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetServerInfoMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service SocketRegistry.
   * <pre>
   * SocketRegistry keeps the sockets of a team and carries their messages.
   * The address `team-chat-all` stands for the whole team. Writing to it delivers one message to every socket that can
   * take it; reading it gives the team feed, which is what the team says.
   * </pre>
   */
  public static abstract class SocketRegistryImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return SocketRegistryGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service SocketRegistry.
   * <pre>
   * SocketRegistry keeps the sockets of a team and carries their messages.
   * The address `team-chat-all` stands for the whole team. Writing to it delivers one message to every socket that can
   * take it; reading it gives the team feed, which is what the team says.
   * </pre>
   */
  public static final class SocketRegistryStub
      extends io.grpc.stub.AbstractAsyncStub<SocketRegistryStub> {
    private SocketRegistryStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SocketRegistryStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SocketRegistryStub(channel, callOptions);
    }

    /**
     * <pre>
     * Create registers a socket.
     * Errors: ALREADY_EXISTS `SOCKET_EXISTS` when the id is taken and on_conflict does not say otherwise;
     * INVALID_ARGUMENT `INVALID_SOCKET_ID`, `CONTEXT_TOO_DEEP`, `INVALID_FIELD` or `REQUEST_ID_REUSED`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED` for `team-chat-all`; RESOURCE_EXHAUSTED `SOCKET_LIMIT` or `STORAGE_FULL`.
     * </pre>
     */
    public void create(io.socketregistry.v1.CreateRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.CreateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCreateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Write puts one message into the queue of one socket, or, for `team-chat-all`, delivers it to every socket that can
     * take it. It is answered when the message is durable; only then can anyone see it.
     * A write by X to X (sender equals socket_id) is X's output: it goes to the team feed, never into X's own queue, and
     * is never refused for X's state or queue.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `SOCKET_INACTIVE` or `SOCKET_UNRESPONSIVE`;
     * RESOURCE_EXHAUSTED `QUEUE_FULL` or `STORAGE_FULL`; INVALID_ARGUMENT `MESSAGE_TOO_LARGE`, `INVALID_SOCKET_ID`,
     * `INVALID_FIELD` or `REQUEST_ID_REUSED`; UNAVAILABLE `STORAGE_UNAVAILABLE`, after which the outcome is unknown: repeat
     * the call with the same request_id.
     * </pre>
     */
    public void write(io.socketregistry.v1.WriteRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.WriteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getWriteMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * WriteStream is Write for who has much to say: many writes on one call, and many in one frame. Each write is a Write in
     * every respect and is answered when it is durable, in the order of the writes; one fsync serves all that come together,
     * from this call and from others. A write that is refused is answered with its error and ends nothing.
     * The writes of one call are appended in their order, so what two of them put into one queue stands there in that order.
     * Frames are no units: a response answers whatever became durable meanwhile, so count the results and not the frames.
     * Writes that are not answered yet are limited, in number and in bytes; beyond that the server reads no further, and
     * HTTP/2 makes the client wait. A frame holds 10,000 writes at most.
     * The stream ends with OK when the client has ended its side and everything is answered. When it ends in any other way,
     * what was not answered may have been written or not: repeat it with the same request_ids.
     * Errors of the stream: INVALID_ARGUMENT `INVALID_FIELD` for a frame that is no valid WriteStreamRequest or holds too many
     * writes, after what came before is answered; UNAVAILABLE `STORAGE_UNAVAILABLE` when the outcome of a write is unknown, and
     * `SHUTTING_DOWN` when the server stops. All other errors of Write are told of the single write.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<io.socketregistry.v1.WriteStreamRequest> writeStream(
        io.grpc.stub.StreamObserver<io.socketregistry.v1.WriteStreamResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getWriteStreamMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * Read streams a socket's messages: what waits first, then what arrives. Reading `team-chat-all` streams the team
     * feed and takes nothing from any other socket's queue.
     * In ACK_MODE_EXPLICIT each message stays in flight until Acknowledge settles it or its deadline passes; then it is
     * delivered again, to whoever reads, with a higher delivery_attempt, and parked after max_delivery_attempts. AUTO and
     * EXPLICIT readers may share a queue: each message goes to one of them.
     * The stream ends with OK only if the request asked for an end (no_wait, max_messages), and then what it delivered
     * keeps its deadline. When it ends in any other way, what it delivered and nobody settled is delivered again after what
     * remains of the deadline, but at most 15 seconds later, and that counts as no failed attempt.
     * It ends with NOT_FOUND `SOCKET_DELETED` when the socket is deleted; with ABORTED `READER_SUPERSEDED` when an exclusive
     * Read took over; with UNAVAILABLE when the server stops, after which the caller should read again.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; OUT_OF_RANGE `POSITION_LOST` when `after` is no longer (or was never) there;
     * RESOURCE_EXHAUSTED `READER_LIMIT`; ABORTED `READER_SUPERSEDED` when an exclusive Read holds the queue and this one is
     * not exclusive; INVALID_ARGUMENT `INVALID_FIELD`, `AFTER_NOT_ALLOWED` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public void read(io.socketregistry.v1.ReadRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.ReadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getReadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Reset clears a socket's queue and context and keeps the socket. Open Reads of the socket stay open and get a RESET
     * event. Reset of `team-chat-all` clears the feed.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`.
     * </pre>
     */
    public void reset(io.socketregistry.v1.ResetRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.ResetResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getResetMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Delete removes a socket, its queue and its context. Open Reads of it end with NOT_FOUND `SOCKET_DELETED`.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND` unless allow_missing is set; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public void delete(io.socketregistry.v1.DeleteRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.DeleteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListSockets gives summaries, page by page: `team-chat-all` first, then the sockets in order of creation.
     * Errors: INVALID_ARGUMENT `INVALID_FIELD` for a page size or page token that is no such thing, or for a token that
     * was made for other filters.
     * </pre>
     */
    public void listSockets(io.socketregistry.v1.ListSocketsRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.ListSocketsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListSocketsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetSocketInfo gives one socket in full, with its prompt and context.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`.
     * </pre>
     */
    public void getSocketInfo(io.socketregistry.v1.GetSocketInfoRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.GetSocketInfoResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetSocketInfoMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * MarkUnresponsive makes a socket refuse new messages. What waits in its queue is kept and can be read.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public void markUnresponsive(io.socketregistry.v1.MarkUnresponsiveRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.MarkUnresponsiveResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMarkUnresponsiveMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * MarkActive is the way back: the socket takes messages again and has lost none.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public void markActive(io.socketregistry.v1.MarkActiveRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.MarkActiveResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMarkActiveMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * MarkInactive is a graceful leave: new messages are refused (or collected, with accept_when_away), what waits is
     * kept.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public void markInactive(io.socketregistry.v1.MarkInactiveRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.MarkInactiveResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMarkInactiveMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Peek lists what waits in a queue, oldest first, page by page, and changes nothing.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`; OUT_OF_RANGE `POSITION_LOST` when the queue
     * was reset since the page token was made.
     * </pre>
     */
    public void peek(io.socketregistry.v1.PeekRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.PeekResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPeekMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Acknowledge settles deliveries of an EXPLICIT Read, gives them back, or asks for more time. It is answered when that
     * is durable, and needs no open stream. Of what is named twice the first of ack, nack and extend counts.
     * A sequence that is not in flight (unknown, settled, never delivered) or a wrong epoch is stale, and no error. An ack
     * also settles what was delivered, returned and not settled since: the work was done, only late.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public void acknowledge(io.socketregistry.v1.AcknowledgeRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.AcknowledgeResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getAcknowledgeMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Requeue puts parked messages back into the queue, at the places they had, with all their attempts before them.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public void requeue(io.socketregistry.v1.RequeueRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.RequeueResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRequeueMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetMessage gives a message and its receipts: what became of it at each recipient, as long as the message is retained.
     * Errors: NOT_FOUND `MESSAGE_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`.
     * </pre>
     */
    public void getMessage(io.socketregistry.v1.GetMessageRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.GetMessageResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetMessageMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Heartbeat is a sign of life: it renews the socket's lease, and makes the socket ACTIVE when the lease had expired. An
     * open AUTO or EXPLICIT Read does the same without a call.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `EPOCH_MISMATCH` or `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public void heartbeat(io.socketregistry.v1.HeartbeatRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.HeartbeatResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getHeartbeatMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Update changes a socket's model, prompt, context, labels and config, and nothing else of it.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`;
     * INVALID_ARGUMENT `INVALID_FIELD` or `CONTEXT_TOO_DEEP`; RESOURCE_EXHAUSTED `STORAGE_FULL`.
     * </pre>
     */
    public void update(io.socketregistry.v1.UpdateRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.UpdateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUpdateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Watch streams the registry's changes in order of revision: a snapshot of all sockets, SYNCED, and then every change.
     * With after_revision it streams the changes after that revision, and no snapshot.
     * The stream has no end of its own: it ends with UNAVAILABLE when the server stops, after which the caller should watch
     * again, after the last revision it saw.
     * Errors: OUT_OF_RANGE `POSITION_LOST` when changes after after_revision are no longer there, or it never was;
     * RESOURCE_EXHAUSTED `READER_LIMIT`; INVALID_ARGUMENT `INVALID_FIELD`.
     * </pre>
     */
    public void watch(io.socketregistry.v1.WatchRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.WatchResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Ask puts a question to the team, or to one socket, and streams the replies: every Write whose reply_to is the
     * question's message_id. It ends with OK after a summary, when every recipient has answered, max_replies have come, or
     * the time is up. A caller that comes again with the same request_id gets the replies so far and the rest, and the
     * question is not asked twice.
     * The question follows the rules of Write, except that an unsigned one does not appear on the team feed.
     * Errors: those of Write, and RESOURCE_EXHAUSTED `READER_LIMIT` when there are as many open Asks as allowed.
     * </pre>
     */
    public void ask(io.socketregistry.v1.AskRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.AskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getAskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetServerInfo tells the server's version, limits, durability and state.
     * </pre>
     */
    public void getServerInfo(io.socketregistry.v1.GetServerInfoRequest request,
        io.grpc.stub.StreamObserver<io.socketregistry.v1.GetServerInfoResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetServerInfoMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service SocketRegistry.
   * <pre>
   * SocketRegistry keeps the sockets of a team and carries their messages.
   * The address `team-chat-all` stands for the whole team. Writing to it delivers one message to every socket that can
   * take it; reading it gives the team feed, which is what the team says.
   * </pre>
   */
  public static final class SocketRegistryBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<SocketRegistryBlockingV2Stub> {
    private SocketRegistryBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SocketRegistryBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SocketRegistryBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Create registers a socket.
     * Errors: ALREADY_EXISTS `SOCKET_EXISTS` when the id is taken and on_conflict does not say otherwise;
     * INVALID_ARGUMENT `INVALID_SOCKET_ID`, `CONTEXT_TOO_DEEP`, `INVALID_FIELD` or `REQUEST_ID_REUSED`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED` for `team-chat-all`; RESOURCE_EXHAUSTED `SOCKET_LIMIT` or `STORAGE_FULL`.
     * </pre>
     */
    public io.socketregistry.v1.CreateResponse create(io.socketregistry.v1.CreateRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCreateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Write puts one message into the queue of one socket, or, for `team-chat-all`, delivers it to every socket that can
     * take it. It is answered when the message is durable; only then can anyone see it.
     * A write by X to X (sender equals socket_id) is X's output: it goes to the team feed, never into X's own queue, and
     * is never refused for X's state or queue.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `SOCKET_INACTIVE` or `SOCKET_UNRESPONSIVE`;
     * RESOURCE_EXHAUSTED `QUEUE_FULL` or `STORAGE_FULL`; INVALID_ARGUMENT `MESSAGE_TOO_LARGE`, `INVALID_SOCKET_ID`,
     * `INVALID_FIELD` or `REQUEST_ID_REUSED`; UNAVAILABLE `STORAGE_UNAVAILABLE`, after which the outcome is unknown: repeat
     * the call with the same request_id.
     * </pre>
     */
    public io.socketregistry.v1.WriteResponse write(io.socketregistry.v1.WriteRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getWriteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * WriteStream is Write for who has much to say: many writes on one call, and many in one frame. Each write is a Write in
     * every respect and is answered when it is durable, in the order of the writes; one fsync serves all that come together,
     * from this call and from others. A write that is refused is answered with its error and ends nothing.
     * The writes of one call are appended in their order, so what two of them put into one queue stands there in that order.
     * Frames are no units: a response answers whatever became durable meanwhile, so count the results and not the frames.
     * Writes that are not answered yet are limited, in number and in bytes; beyond that the server reads no further, and
     * HTTP/2 makes the client wait. A frame holds 10,000 writes at most.
     * The stream ends with OK when the client has ended its side and everything is answered. When it ends in any other way,
     * what was not answered may have been written or not: repeat it with the same request_ids.
     * Errors of the stream: INVALID_ARGUMENT `INVALID_FIELD` for a frame that is no valid WriteStreamRequest or holds too many
     * writes, after what came before is answered; UNAVAILABLE `STORAGE_UNAVAILABLE` when the outcome of a write is unknown, and
     * `SHUTTING_DOWN` when the server stops. All other errors of Write are told of the single write.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<io.socketregistry.v1.WriteStreamRequest, io.socketregistry.v1.WriteStreamResponse>
        writeStream() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getWriteStreamMethod(), getCallOptions());
    }

    /**
     * <pre>
     * Read streams a socket's messages: what waits first, then what arrives. Reading `team-chat-all` streams the team
     * feed and takes nothing from any other socket's queue.
     * In ACK_MODE_EXPLICIT each message stays in flight until Acknowledge settles it or its deadline passes; then it is
     * delivered again, to whoever reads, with a higher delivery_attempt, and parked after max_delivery_attempts. AUTO and
     * EXPLICIT readers may share a queue: each message goes to one of them.
     * The stream ends with OK only if the request asked for an end (no_wait, max_messages), and then what it delivered
     * keeps its deadline. When it ends in any other way, what it delivered and nobody settled is delivered again after what
     * remains of the deadline, but at most 15 seconds later, and that counts as no failed attempt.
     * It ends with NOT_FOUND `SOCKET_DELETED` when the socket is deleted; with ABORTED `READER_SUPERSEDED` when an exclusive
     * Read took over; with UNAVAILABLE when the server stops, after which the caller should read again.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; OUT_OF_RANGE `POSITION_LOST` when `after` is no longer (or was never) there;
     * RESOURCE_EXHAUSTED `READER_LIMIT`; ABORTED `READER_SUPERSEDED` when an exclusive Read holds the queue and this one is
     * not exclusive; INVALID_ARGUMENT `INVALID_FIELD`, `AFTER_NOT_ALLOWED` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.socketregistry.v1.ReadResponse>
        read(io.socketregistry.v1.ReadRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getReadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Reset clears a socket's queue and context and keeps the socket. Open Reads of the socket stay open and get a RESET
     * event. Reset of `team-chat-all` clears the feed.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`.
     * </pre>
     */
    public io.socketregistry.v1.ResetResponse reset(io.socketregistry.v1.ResetRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getResetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Delete removes a socket, its queue and its context. Open Reads of it end with NOT_FOUND `SOCKET_DELETED`.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND` unless allow_missing is set; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.DeleteResponse delete(io.socketregistry.v1.DeleteRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDeleteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListSockets gives summaries, page by page: `team-chat-all` first, then the sockets in order of creation.
     * Errors: INVALID_ARGUMENT `INVALID_FIELD` for a page size or page token that is no such thing, or for a token that
     * was made for other filters.
     * </pre>
     */
    public io.socketregistry.v1.ListSocketsResponse listSockets(io.socketregistry.v1.ListSocketsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListSocketsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetSocketInfo gives one socket in full, with its prompt and context.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`.
     * </pre>
     */
    public io.socketregistry.v1.GetSocketInfoResponse getSocketInfo(io.socketregistry.v1.GetSocketInfoRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetSocketInfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * MarkUnresponsive makes a socket refuse new messages. What waits in its queue is kept and can be read.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.MarkUnresponsiveResponse markUnresponsive(io.socketregistry.v1.MarkUnresponsiveRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMarkUnresponsiveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * MarkActive is the way back: the socket takes messages again and has lost none.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.MarkActiveResponse markActive(io.socketregistry.v1.MarkActiveRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMarkActiveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * MarkInactive is a graceful leave: new messages are refused (or collected, with accept_when_away), what waits is
     * kept.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.MarkInactiveResponse markInactive(io.socketregistry.v1.MarkInactiveRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMarkInactiveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Peek lists what waits in a queue, oldest first, page by page, and changes nothing.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`; OUT_OF_RANGE `POSITION_LOST` when the queue
     * was reset since the page token was made.
     * </pre>
     */
    public io.socketregistry.v1.PeekResponse peek(io.socketregistry.v1.PeekRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPeekMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Acknowledge settles deliveries of an EXPLICIT Read, gives them back, or asks for more time. It is answered when that
     * is durable, and needs no open stream. Of what is named twice the first of ack, nack and extend counts.
     * A sequence that is not in flight (unknown, settled, never delivered) or a wrong epoch is stale, and no error. An ack
     * also settles what was delivered, returned and not settled since: the work was done, only late.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public io.socketregistry.v1.AcknowledgeResponse acknowledge(io.socketregistry.v1.AcknowledgeRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getAcknowledgeMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Requeue puts parked messages back into the queue, at the places they had, with all their attempts before them.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public io.socketregistry.v1.RequeueResponse requeue(io.socketregistry.v1.RequeueRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRequeueMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetMessage gives a message and its receipts: what became of it at each recipient, as long as the message is retained.
     * Errors: NOT_FOUND `MESSAGE_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`.
     * </pre>
     */
    public io.socketregistry.v1.GetMessageResponse getMessage(io.socketregistry.v1.GetMessageRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetMessageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Heartbeat is a sign of life: it renews the socket's lease, and makes the socket ACTIVE when the lease had expired. An
     * open AUTO or EXPLICIT Read does the same without a call.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `EPOCH_MISMATCH` or `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.HeartbeatResponse heartbeat(io.socketregistry.v1.HeartbeatRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getHeartbeatMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Update changes a socket's model, prompt, context, labels and config, and nothing else of it.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`;
     * INVALID_ARGUMENT `INVALID_FIELD` or `CONTEXT_TOO_DEEP`; RESOURCE_EXHAUSTED `STORAGE_FULL`.
     * </pre>
     */
    public io.socketregistry.v1.UpdateResponse update(io.socketregistry.v1.UpdateRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUpdateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Watch streams the registry's changes in order of revision: a snapshot of all sockets, SYNCED, and then every change.
     * With after_revision it streams the changes after that revision, and no snapshot.
     * The stream has no end of its own: it ends with UNAVAILABLE when the server stops, after which the caller should watch
     * again, after the last revision it saw.
     * Errors: OUT_OF_RANGE `POSITION_LOST` when changes after after_revision are no longer there, or it never was;
     * RESOURCE_EXHAUSTED `READER_LIMIT`; INVALID_ARGUMENT `INVALID_FIELD`.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.socketregistry.v1.WatchResponse>
        watch(io.socketregistry.v1.WatchRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ask puts a question to the team, or to one socket, and streams the replies: every Write whose reply_to is the
     * question's message_id. It ends with OK after a summary, when every recipient has answered, max_replies have come, or
     * the time is up. A caller that comes again with the same request_id gets the replies so far and the rest, and the
     * question is not asked twice.
     * The question follows the rules of Write, except that an unsigned one does not appear on the team feed.
     * Errors: those of Write, and RESOURCE_EXHAUSTED `READER_LIMIT` when there are as many open Asks as allowed.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.socketregistry.v1.AskResponse>
        ask(io.socketregistry.v1.AskRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getAskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetServerInfo tells the server's version, limits, durability and state.
     * </pre>
     */
    public io.socketregistry.v1.GetServerInfoResponse getServerInfo(io.socketregistry.v1.GetServerInfoRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetServerInfoMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service SocketRegistry.
   * <pre>
   * SocketRegistry keeps the sockets of a team and carries their messages.
   * The address `team-chat-all` stands for the whole team. Writing to it delivers one message to every socket that can
   * take it; reading it gives the team feed, which is what the team says.
   * </pre>
   */
  public static final class SocketRegistryBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<SocketRegistryBlockingStub> {
    private SocketRegistryBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SocketRegistryBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SocketRegistryBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Create registers a socket.
     * Errors: ALREADY_EXISTS `SOCKET_EXISTS` when the id is taken and on_conflict does not say otherwise;
     * INVALID_ARGUMENT `INVALID_SOCKET_ID`, `CONTEXT_TOO_DEEP`, `INVALID_FIELD` or `REQUEST_ID_REUSED`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED` for `team-chat-all`; RESOURCE_EXHAUSTED `SOCKET_LIMIT` or `STORAGE_FULL`.
     * </pre>
     */
    public io.socketregistry.v1.CreateResponse create(io.socketregistry.v1.CreateRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCreateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Write puts one message into the queue of one socket, or, for `team-chat-all`, delivers it to every socket that can
     * take it. It is answered when the message is durable; only then can anyone see it.
     * A write by X to X (sender equals socket_id) is X's output: it goes to the team feed, never into X's own queue, and
     * is never refused for X's state or queue.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `SOCKET_INACTIVE` or `SOCKET_UNRESPONSIVE`;
     * RESOURCE_EXHAUSTED `QUEUE_FULL` or `STORAGE_FULL`; INVALID_ARGUMENT `MESSAGE_TOO_LARGE`, `INVALID_SOCKET_ID`,
     * `INVALID_FIELD` or `REQUEST_ID_REUSED`; UNAVAILABLE `STORAGE_UNAVAILABLE`, after which the outcome is unknown: repeat
     * the call with the same request_id.
     * </pre>
     */
    public io.socketregistry.v1.WriteResponse write(io.socketregistry.v1.WriteRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getWriteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Read streams a socket's messages: what waits first, then what arrives. Reading `team-chat-all` streams the team
     * feed and takes nothing from any other socket's queue.
     * In ACK_MODE_EXPLICIT each message stays in flight until Acknowledge settles it or its deadline passes; then it is
     * delivered again, to whoever reads, with a higher delivery_attempt, and parked after max_delivery_attempts. AUTO and
     * EXPLICIT readers may share a queue: each message goes to one of them.
     * The stream ends with OK only if the request asked for an end (no_wait, max_messages), and then what it delivered
     * keeps its deadline. When it ends in any other way, what it delivered and nobody settled is delivered again after what
     * remains of the deadline, but at most 15 seconds later, and that counts as no failed attempt.
     * It ends with NOT_FOUND `SOCKET_DELETED` when the socket is deleted; with ABORTED `READER_SUPERSEDED` when an exclusive
     * Read took over; with UNAVAILABLE when the server stops, after which the caller should read again.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; OUT_OF_RANGE `POSITION_LOST` when `after` is no longer (or was never) there;
     * RESOURCE_EXHAUSTED `READER_LIMIT`; ABORTED `READER_SUPERSEDED` when an exclusive Read holds the queue and this one is
     * not exclusive; INVALID_ARGUMENT `INVALID_FIELD`, `AFTER_NOT_ALLOWED` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public java.util.Iterator<io.socketregistry.v1.ReadResponse> read(
        io.socketregistry.v1.ReadRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getReadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Reset clears a socket's queue and context and keeps the socket. Open Reads of the socket stay open and get a RESET
     * event. Reset of `team-chat-all` clears the feed.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`.
     * </pre>
     */
    public io.socketregistry.v1.ResetResponse reset(io.socketregistry.v1.ResetRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getResetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Delete removes a socket, its queue and its context. Open Reads of it end with NOT_FOUND `SOCKET_DELETED`.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND` unless allow_missing is set; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.DeleteResponse delete(io.socketregistry.v1.DeleteRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListSockets gives summaries, page by page: `team-chat-all` first, then the sockets in order of creation.
     * Errors: INVALID_ARGUMENT `INVALID_FIELD` for a page size or page token that is no such thing, or for a token that
     * was made for other filters.
     * </pre>
     */
    public io.socketregistry.v1.ListSocketsResponse listSockets(io.socketregistry.v1.ListSocketsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListSocketsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetSocketInfo gives one socket in full, with its prompt and context.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`.
     * </pre>
     */
    public io.socketregistry.v1.GetSocketInfoResponse getSocketInfo(io.socketregistry.v1.GetSocketInfoRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetSocketInfoMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * MarkUnresponsive makes a socket refuse new messages. What waits in its queue is kept and can be read.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.MarkUnresponsiveResponse markUnresponsive(io.socketregistry.v1.MarkUnresponsiveRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMarkUnresponsiveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * MarkActive is the way back: the socket takes messages again and has lost none.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.MarkActiveResponse markActive(io.socketregistry.v1.MarkActiveRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMarkActiveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * MarkInactive is a graceful leave: new messages are refused (or collected, with accept_when_away), what waits is
     * kept.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.MarkInactiveResponse markInactive(io.socketregistry.v1.MarkInactiveRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMarkInactiveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Peek lists what waits in a queue, oldest first, page by page, and changes nothing.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`; OUT_OF_RANGE `POSITION_LOST` when the queue
     * was reset since the page token was made.
     * </pre>
     */
    public io.socketregistry.v1.PeekResponse peek(io.socketregistry.v1.PeekRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPeekMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Acknowledge settles deliveries of an EXPLICIT Read, gives them back, or asks for more time. It is answered when that
     * is durable, and needs no open stream. Of what is named twice the first of ack, nack and extend counts.
     * A sequence that is not in flight (unknown, settled, never delivered) or a wrong epoch is stale, and no error. An ack
     * also settles what was delivered, returned and not settled since: the work was done, only late.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public io.socketregistry.v1.AcknowledgeResponse acknowledge(io.socketregistry.v1.AcknowledgeRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getAcknowledgeMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Requeue puts parked messages back into the queue, at the places they had, with all their attempts before them.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public io.socketregistry.v1.RequeueResponse requeue(io.socketregistry.v1.RequeueRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRequeueMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetMessage gives a message and its receipts: what became of it at each recipient, as long as the message is retained.
     * Errors: NOT_FOUND `MESSAGE_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`.
     * </pre>
     */
    public io.socketregistry.v1.GetMessageResponse getMessage(io.socketregistry.v1.GetMessageRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetMessageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Heartbeat is a sign of life: it renews the socket's lease, and makes the socket ACTIVE when the lease had expired. An
     * open AUTO or EXPLICIT Read does the same without a call.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `EPOCH_MISMATCH` or `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public io.socketregistry.v1.HeartbeatResponse heartbeat(io.socketregistry.v1.HeartbeatRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getHeartbeatMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Update changes a socket's model, prompt, context, labels and config, and nothing else of it.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`;
     * INVALID_ARGUMENT `INVALID_FIELD` or `CONTEXT_TOO_DEEP`; RESOURCE_EXHAUSTED `STORAGE_FULL`.
     * </pre>
     */
    public io.socketregistry.v1.UpdateResponse update(io.socketregistry.v1.UpdateRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUpdateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Watch streams the registry's changes in order of revision: a snapshot of all sockets, SYNCED, and then every change.
     * With after_revision it streams the changes after that revision, and no snapshot.
     * The stream has no end of its own: it ends with UNAVAILABLE when the server stops, after which the caller should watch
     * again, after the last revision it saw.
     * Errors: OUT_OF_RANGE `POSITION_LOST` when changes after after_revision are no longer there, or it never was;
     * RESOURCE_EXHAUSTED `READER_LIMIT`; INVALID_ARGUMENT `INVALID_FIELD`.
     * </pre>
     */
    public java.util.Iterator<io.socketregistry.v1.WatchResponse> watch(
        io.socketregistry.v1.WatchRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ask puts a question to the team, or to one socket, and streams the replies: every Write whose reply_to is the
     * question's message_id. It ends with OK after a summary, when every recipient has answered, max_replies have come, or
     * the time is up. A caller that comes again with the same request_id gets the replies so far and the rest, and the
     * question is not asked twice.
     * The question follows the rules of Write, except that an unsigned one does not appear on the team feed.
     * Errors: those of Write, and RESOURCE_EXHAUSTED `READER_LIMIT` when there are as many open Asks as allowed.
     * </pre>
     */
    public java.util.Iterator<io.socketregistry.v1.AskResponse> ask(
        io.socketregistry.v1.AskRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getAskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetServerInfo tells the server's version, limits, durability and state.
     * </pre>
     */
    public io.socketregistry.v1.GetServerInfoResponse getServerInfo(io.socketregistry.v1.GetServerInfoRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetServerInfoMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service SocketRegistry.
   * <pre>
   * SocketRegistry keeps the sockets of a team and carries their messages.
   * The address `team-chat-all` stands for the whole team. Writing to it delivers one message to every socket that can
   * take it; reading it gives the team feed, which is what the team says.
   * </pre>
   */
  public static final class SocketRegistryFutureStub
      extends io.grpc.stub.AbstractFutureStub<SocketRegistryFutureStub> {
    private SocketRegistryFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected SocketRegistryFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new SocketRegistryFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Create registers a socket.
     * Errors: ALREADY_EXISTS `SOCKET_EXISTS` when the id is taken and on_conflict does not say otherwise;
     * INVALID_ARGUMENT `INVALID_SOCKET_ID`, `CONTEXT_TOO_DEEP`, `INVALID_FIELD` or `REQUEST_ID_REUSED`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED` for `team-chat-all`; RESOURCE_EXHAUSTED `SOCKET_LIMIT` or `STORAGE_FULL`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.CreateResponse> create(
        io.socketregistry.v1.CreateRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCreateMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Write puts one message into the queue of one socket, or, for `team-chat-all`, delivers it to every socket that can
     * take it. It is answered when the message is durable; only then can anyone see it.
     * A write by X to X (sender equals socket_id) is X's output: it goes to the team feed, never into X's own queue, and
     * is never refused for X's state or queue.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `SOCKET_INACTIVE` or `SOCKET_UNRESPONSIVE`;
     * RESOURCE_EXHAUSTED `QUEUE_FULL` or `STORAGE_FULL`; INVALID_ARGUMENT `MESSAGE_TOO_LARGE`, `INVALID_SOCKET_ID`,
     * `INVALID_FIELD` or `REQUEST_ID_REUSED`; UNAVAILABLE `STORAGE_UNAVAILABLE`, after which the outcome is unknown: repeat
     * the call with the same request_id.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.WriteResponse> write(
        io.socketregistry.v1.WriteRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getWriteMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Reset clears a socket's queue and context and keeps the socket. Open Reads of the socket stay open and get a RESET
     * event. Reset of `team-chat-all` clears the feed.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.ResetResponse> reset(
        io.socketregistry.v1.ResetRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getResetMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Delete removes a socket, its queue and its context. Open Reads of it end with NOT_FOUND `SOCKET_DELETED`.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND` unless allow_missing is set; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION
     * `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.DeleteResponse> delete(
        io.socketregistry.v1.DeleteRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListSockets gives summaries, page by page: `team-chat-all` first, then the sockets in order of creation.
     * Errors: INVALID_ARGUMENT `INVALID_FIELD` for a page size or page token that is no such thing, or for a token that
     * was made for other filters.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.ListSocketsResponse> listSockets(
        io.socketregistry.v1.ListSocketsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListSocketsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetSocketInfo gives one socket in full, with its prompt and context.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.GetSocketInfoResponse> getSocketInfo(
        io.socketregistry.v1.GetSocketInfoRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetSocketInfoMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * MarkUnresponsive makes a socket refuse new messages. What waits in its queue is kept and can be read.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.MarkUnresponsiveResponse> markUnresponsive(
        io.socketregistry.v1.MarkUnresponsiveRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMarkUnresponsiveMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * MarkActive is the way back: the socket takes messages again and has lost none.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.MarkActiveResponse> markActive(
        io.socketregistry.v1.MarkActiveRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMarkActiveMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * MarkInactive is a graceful leave: new messages are refused (or collected, with accept_when_away), what waits is
     * kept.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.MarkInactiveResponse> markInactive(
        io.socketregistry.v1.MarkInactiveRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMarkInactiveMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Peek lists what waits in a queue, oldest first, page by page, and changes nothing.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`; OUT_OF_RANGE `POSITION_LOST` when the queue
     * was reset since the page token was made.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.PeekResponse> peek(
        io.socketregistry.v1.PeekRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPeekMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Acknowledge settles deliveries of an EXPLICIT Read, gives them back, or asks for more time. It is answered when that
     * is durable, and needs no open stream. Of what is named twice the first of ack, nack and extend counts.
     * A sequence that is not in flight (unknown, settled, never delivered) or a wrong epoch is stale, and no error. An ack
     * also settles what was delivered, returned and not settled since: the work was done, only late.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.AcknowledgeResponse> acknowledge(
        io.socketregistry.v1.AcknowledgeRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getAcknowledgeMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Requeue puts parked messages back into the queue, at the places they had, with all their attempts before them.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD` or `CONSUMER_NOT_ALLOWED`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.RequeueResponse> requeue(
        io.socketregistry.v1.RequeueRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRequeueMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetMessage gives a message and its receipts: what became of it at each recipient, as long as the message is retained.
     * Errors: NOT_FOUND `MESSAGE_NOT_FOUND`; INVALID_ARGUMENT `INVALID_FIELD`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.GetMessageResponse> getMessage(
        io.socketregistry.v1.GetMessageRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetMessageMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Heartbeat is a sign of life: it renews the socket's lease, and makes the socket ACTIVE when the lease had expired. An
     * open AUTO or EXPLICIT Read does the same without a call.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; FAILED_PRECONDITION `EPOCH_MISMATCH` or `BROADCAST_SOCKET_PROTECTED`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.HeartbeatResponse> heartbeat(
        io.socketregistry.v1.HeartbeatRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getHeartbeatMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Update changes a socket's model, prompt, context, labels and config, and nothing else of it.
     * Errors: NOT_FOUND `SOCKET_NOT_FOUND`; ABORTED `ETAG_MISMATCH`; FAILED_PRECONDITION `BROADCAST_SOCKET_PROTECTED`;
     * INVALID_ARGUMENT `INVALID_FIELD` or `CONTEXT_TOO_DEEP`; RESOURCE_EXHAUSTED `STORAGE_FULL`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.UpdateResponse> update(
        io.socketregistry.v1.UpdateRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUpdateMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetServerInfo tells the server's version, limits, durability and state.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.socketregistry.v1.GetServerInfoResponse> getServerInfo(
        io.socketregistry.v1.GetServerInfoRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetServerInfoMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_CREATE = 0;
  private static final int METHODID_WRITE = 1;
  private static final int METHODID_READ = 2;
  private static final int METHODID_RESET = 3;
  private static final int METHODID_DELETE = 4;
  private static final int METHODID_LIST_SOCKETS = 5;
  private static final int METHODID_GET_SOCKET_INFO = 6;
  private static final int METHODID_MARK_UNRESPONSIVE = 7;
  private static final int METHODID_MARK_ACTIVE = 8;
  private static final int METHODID_MARK_INACTIVE = 9;
  private static final int METHODID_PEEK = 10;
  private static final int METHODID_ACKNOWLEDGE = 11;
  private static final int METHODID_REQUEUE = 12;
  private static final int METHODID_GET_MESSAGE = 13;
  private static final int METHODID_HEARTBEAT = 14;
  private static final int METHODID_UPDATE = 15;
  private static final int METHODID_WATCH = 16;
  private static final int METHODID_ASK = 17;
  private static final int METHODID_GET_SERVER_INFO = 18;
  private static final int METHODID_WRITE_STREAM = 19;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_CREATE:
          serviceImpl.create((io.socketregistry.v1.CreateRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.CreateResponse>) responseObserver);
          break;
        case METHODID_WRITE:
          serviceImpl.write((io.socketregistry.v1.WriteRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.WriteResponse>) responseObserver);
          break;
        case METHODID_READ:
          serviceImpl.read((io.socketregistry.v1.ReadRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.ReadResponse>) responseObserver);
          break;
        case METHODID_RESET:
          serviceImpl.reset((io.socketregistry.v1.ResetRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.ResetResponse>) responseObserver);
          break;
        case METHODID_DELETE:
          serviceImpl.delete((io.socketregistry.v1.DeleteRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.DeleteResponse>) responseObserver);
          break;
        case METHODID_LIST_SOCKETS:
          serviceImpl.listSockets((io.socketregistry.v1.ListSocketsRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.ListSocketsResponse>) responseObserver);
          break;
        case METHODID_GET_SOCKET_INFO:
          serviceImpl.getSocketInfo((io.socketregistry.v1.GetSocketInfoRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.GetSocketInfoResponse>) responseObserver);
          break;
        case METHODID_MARK_UNRESPONSIVE:
          serviceImpl.markUnresponsive((io.socketregistry.v1.MarkUnresponsiveRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.MarkUnresponsiveResponse>) responseObserver);
          break;
        case METHODID_MARK_ACTIVE:
          serviceImpl.markActive((io.socketregistry.v1.MarkActiveRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.MarkActiveResponse>) responseObserver);
          break;
        case METHODID_MARK_INACTIVE:
          serviceImpl.markInactive((io.socketregistry.v1.MarkInactiveRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.MarkInactiveResponse>) responseObserver);
          break;
        case METHODID_PEEK:
          serviceImpl.peek((io.socketregistry.v1.PeekRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.PeekResponse>) responseObserver);
          break;
        case METHODID_ACKNOWLEDGE:
          serviceImpl.acknowledge((io.socketregistry.v1.AcknowledgeRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.AcknowledgeResponse>) responseObserver);
          break;
        case METHODID_REQUEUE:
          serviceImpl.requeue((io.socketregistry.v1.RequeueRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.RequeueResponse>) responseObserver);
          break;
        case METHODID_GET_MESSAGE:
          serviceImpl.getMessage((io.socketregistry.v1.GetMessageRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.GetMessageResponse>) responseObserver);
          break;
        case METHODID_HEARTBEAT:
          serviceImpl.heartbeat((io.socketregistry.v1.HeartbeatRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.HeartbeatResponse>) responseObserver);
          break;
        case METHODID_UPDATE:
          serviceImpl.update((io.socketregistry.v1.UpdateRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.UpdateResponse>) responseObserver);
          break;
        case METHODID_WATCH:
          serviceImpl.watch((io.socketregistry.v1.WatchRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.WatchResponse>) responseObserver);
          break;
        case METHODID_ASK:
          serviceImpl.ask((io.socketregistry.v1.AskRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.AskResponse>) responseObserver);
          break;
        case METHODID_GET_SERVER_INFO:
          serviceImpl.getServerInfo((io.socketregistry.v1.GetServerInfoRequest) request,
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.GetServerInfoResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_WRITE_STREAM:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.writeStream(
              (io.grpc.stub.StreamObserver<io.socketregistry.v1.WriteStreamResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getCreateMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.CreateRequest,
              io.socketregistry.v1.CreateResponse>(
                service, METHODID_CREATE)))
        .addMethod(
          getWriteMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.WriteRequest,
              io.socketregistry.v1.WriteResponse>(
                service, METHODID_WRITE)))
        .addMethod(
          getWriteStreamMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              io.socketregistry.v1.WriteStreamRequest,
              io.socketregistry.v1.WriteStreamResponse>(
                service, METHODID_WRITE_STREAM)))
        .addMethod(
          getReadMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.socketregistry.v1.ReadRequest,
              io.socketregistry.v1.ReadResponse>(
                service, METHODID_READ)))
        .addMethod(
          getResetMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.ResetRequest,
              io.socketregistry.v1.ResetResponse>(
                service, METHODID_RESET)))
        .addMethod(
          getDeleteMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.DeleteRequest,
              io.socketregistry.v1.DeleteResponse>(
                service, METHODID_DELETE)))
        .addMethod(
          getListSocketsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.ListSocketsRequest,
              io.socketregistry.v1.ListSocketsResponse>(
                service, METHODID_LIST_SOCKETS)))
        .addMethod(
          getGetSocketInfoMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.GetSocketInfoRequest,
              io.socketregistry.v1.GetSocketInfoResponse>(
                service, METHODID_GET_SOCKET_INFO)))
        .addMethod(
          getMarkUnresponsiveMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.MarkUnresponsiveRequest,
              io.socketregistry.v1.MarkUnresponsiveResponse>(
                service, METHODID_MARK_UNRESPONSIVE)))
        .addMethod(
          getMarkActiveMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.MarkActiveRequest,
              io.socketregistry.v1.MarkActiveResponse>(
                service, METHODID_MARK_ACTIVE)))
        .addMethod(
          getMarkInactiveMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.MarkInactiveRequest,
              io.socketregistry.v1.MarkInactiveResponse>(
                service, METHODID_MARK_INACTIVE)))
        .addMethod(
          getPeekMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.PeekRequest,
              io.socketregistry.v1.PeekResponse>(
                service, METHODID_PEEK)))
        .addMethod(
          getAcknowledgeMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.AcknowledgeRequest,
              io.socketregistry.v1.AcknowledgeResponse>(
                service, METHODID_ACKNOWLEDGE)))
        .addMethod(
          getRequeueMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.RequeueRequest,
              io.socketregistry.v1.RequeueResponse>(
                service, METHODID_REQUEUE)))
        .addMethod(
          getGetMessageMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.GetMessageRequest,
              io.socketregistry.v1.GetMessageResponse>(
                service, METHODID_GET_MESSAGE)))
        .addMethod(
          getHeartbeatMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.HeartbeatRequest,
              io.socketregistry.v1.HeartbeatResponse>(
                service, METHODID_HEARTBEAT)))
        .addMethod(
          getUpdateMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.UpdateRequest,
              io.socketregistry.v1.UpdateResponse>(
                service, METHODID_UPDATE)))
        .addMethod(
          getWatchMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.socketregistry.v1.WatchRequest,
              io.socketregistry.v1.WatchResponse>(
                service, METHODID_WATCH)))
        .addMethod(
          getAskMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.socketregistry.v1.AskRequest,
              io.socketregistry.v1.AskResponse>(
                service, METHODID_ASK)))
        .addMethod(
          getGetServerInfoMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.socketregistry.v1.GetServerInfoRequest,
              io.socketregistry.v1.GetServerInfoResponse>(
                service, METHODID_GET_SERVER_INFO)))
        .build();
  }

  private static abstract class SocketRegistryBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    SocketRegistryBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.socketregistry.v1.SocketRegistryOuterClass.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("SocketRegistry");
    }
  }

  private static final class SocketRegistryFileDescriptorSupplier
      extends SocketRegistryBaseDescriptorSupplier {
    SocketRegistryFileDescriptorSupplier() {}
  }

  private static final class SocketRegistryMethodDescriptorSupplier
      extends SocketRegistryBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    SocketRegistryMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (SocketRegistryGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new SocketRegistryFileDescriptorSupplier())
              .addMethod(getCreateMethod())
              .addMethod(getWriteMethod())
              .addMethod(getWriteStreamMethod())
              .addMethod(getReadMethod())
              .addMethod(getResetMethod())
              .addMethod(getDeleteMethod())
              .addMethod(getListSocketsMethod())
              .addMethod(getGetSocketInfoMethod())
              .addMethod(getMarkUnresponsiveMethod())
              .addMethod(getMarkActiveMethod())
              .addMethod(getMarkInactiveMethod())
              .addMethod(getPeekMethod())
              .addMethod(getAcknowledgeMethod())
              .addMethod(getRequeueMethod())
              .addMethod(getGetMessageMethod())
              .addMethod(getHeartbeatMethod())
              .addMethod(getUpdateMethod())
              .addMethod(getWatchMethod())
              .addMethod(getAskMethod())
              .addMethod(getGetServerInfoMethod())
              .build();
        }
      }
    }
    return result;
  }
}
