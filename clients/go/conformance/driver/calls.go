package main

import (
	"context"
	"encoding/json"
	"io"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// calls are the operations by name: the verbs of the client where it has one, and the stub's calls.
func (d *driver) calls() map[string]carryOut {
	stub := d.registry.Stub()
	return map[string]carryOut{
		"create":            verb(d.create),
		"write":             verb(d.write),
		"reset":             verb(d.reset),
		"delete":            verb(d.delete),
		"list_sockets":      verb(d.list),
		"get_socket_info":   verb(d.info),
		"ask":               stream(d.ask),
		"watch":             stream(d.watch),
		"read":              stream(d.read),
		"mark_unresponsive": call(stub.MarkUnresponsive),
		"mark_active":       call(stub.MarkActive),
		"mark_inactive":     call(stub.MarkInactive),
		"acknowledge":       call(stub.Acknowledge),
		"peek":              call(stub.Peek),
		"requeue":           call(stub.Requeue),
		"get_message":       call(stub.GetMessage),
		"heartbeat":         call(stub.Heartbeat),
		"update":            call(stub.Update),
		"get_server_info":   call(stub.GetServerInfo),
		"drain":             d.drain,
		"messages":          d.messages,
		"write_stream":      d.writeStream,
		"settle":            d.settle,
		"agent":             d.agent,
		"cancel":            d.cancel,
	}
}

// request is a pointer to a generated message.
type request[T any] interface {
	*T
	proto.Message
}

// verb is an operation whose arguments are a request and whose result is a response.
func verb[T any, Request request[T], Response proto.Message](
	do func(context.Context, Request) (Response, error),
) carryOut {
	return func(ctx context.Context, r *run) (any, error) {
		args := Request(new(T))
		if err := protojson.Unmarshal(r.args, args); err != nil {
			return nil, err
		}
		response, err := do(ctx, args)
		if err != nil {
			return nil, err
		}
		return toJSON(response)
	}
}

func call[T any, Request request[T], Response proto.Message](
	do func(context.Context, Request, ...grpc.CallOption) (Response, error),
) carryOut {
	return verb(func(ctx context.Context, args Request) (Response, error) { return do(ctx, args) })
}

// stream is an operation with items.
func stream[T any, Request request[T]](do func(context.Context, Request, func(proto.Message) error) error) carryOut {
	return func(ctx context.Context, r *run) (any, error) {
		args := Request(new(T))
		if err := protojson.Unmarshal(r.args, args); err != nil {
			return nil, err
		}
		err := do(ctx, args, func(frame proto.Message) error {
			item, err := toJSON(frame)
			if err == nil {
				r.item(item)
			}
			return err
		})
		return struct{}{}, err
	}
}

func (d *driver) read(ctx context.Context, args *v1.ReadRequest, item func(proto.Message) error) error {
	frames, err := d.registry.Stub().Read(ctx, args)
	for err == nil {
		var frame *v1.ReadResponse
		if frame, err = frames.Recv(); err == nil {
			err = item(frame)
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func toJSON(message proto.Message) (json.RawMessage, error) {
	return protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
}
