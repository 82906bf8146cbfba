package main

import (
	"context"

	socketregistry "github.com/ai-socket-registry/clients/go"
	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

func (d *driver) create(ctx context.Context, args *v1.CreateRequest) (*v1.CreateResponse, error) {
	socket, err := d.registry.Create(ctx, &socketregistry.CreateOptions{
		SocketID:   args.GetSocketId(),
		Model:      args.GetModel(),
		Prompt:     args.GetPrompt(),
		Context:    toMap(args.GetContext()),
		Labels:     args.GetLabels(),
		Config:     args.GetConfig(),
		OnConflict: args.GetOnConflict(),
		RequestID:  args.GetRequestId(),
		IssueToken: args.GetIssueToken(),
	})
	if err != nil {
		return nil, err
	}
	return socket.Created(), nil
}

func (d *driver) write(ctx context.Context, args *v1.WriteRequest) (*v1.WriteResponse, error) {
	options := writeOptions(args)
	if args.GetSocketId() == socketregistry.TeamID {
		return d.registry.Broadcast(ctx, args.GetMessage(), options)
	}
	return d.registry.Socket(args.GetSocketId()).Write(ctx, args.GetMessage(), options)
}

func writeOptions(args *v1.WriteRequest) *socketregistry.WriteOptions {
	return &socketregistry.WriteOptions{
		Metadata:      toMap(args.GetMetadata()),
		Sender:        args.GetSender(),
		ThreadID:      args.GetThreadId(),
		ReplyTo:       args.GetReplyTo(),
		RequestID:     args.GetRequestId(),
		MatchLabels:   args.GetMatchLabels(),
		IncludeSender: args.GetIncludeSender(),
	}
}

func (d *driver) reset(ctx context.Context, args *v1.ResetRequest) (*v1.ResetResponse, error) {
	return d.registry.Socket(args.GetSocketId()).Reset(ctx, &socketregistry.ResetOptions{
		Scope: args.GetScope(), Etag: args.GetEtag(),
	})
}

func (d *driver) delete(ctx context.Context, args *v1.DeleteRequest) (*v1.DeleteResponse, error) {
	return d.registry.Socket(args.GetSocketId()).Delete(ctx, &socketregistry.DeleteOptions{
		Etag: args.GetEtag(), AllowMissing: args.GetAllowMissing(),
	})
}

func (d *driver) info(ctx context.Context, args *v1.GetSocketInfoRequest) (*v1.GetSocketInfoResponse, error) {
	info, err := d.registry.Socket(args.GetSocketId()).Info(ctx)
	if err != nil {
		return nil, err
	}
	return &v1.GetSocketInfoResponse{Socket: info.Socket}, nil
}

func (d *driver) list(ctx context.Context, args *v1.ListSocketsRequest) (*v1.ListSocketsResponse, error) {
	response := &v1.ListSocketsResponse{}
	for info, err := range d.registry.List(ctx, &socketregistry.ListOptions{
		States: args.GetStates(), Labels: args.GetLabels(), Model: args.GetModel(), PageSize: args.GetPageSize(),
	}) {
		if err != nil {
			return nil, err
		}
		response.Sockets = append(response.Sockets, info.Socket)
	}
	return response, nil
}

func (d *driver) watch(ctx context.Context, args *v1.WatchRequest, item func(proto.Message) error) error {
	for change, err := range d.registry.Watch(ctx, &socketregistry.WatchOptions{
		AfterRevision: args.GetAfterRevision(), SocketID: args.GetSocketId(),
	}) {
		if err != nil {
			return err
		}
		if err := item(change); err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) ask(ctx context.Context, args *v1.AskRequest, item func(proto.Message) error) error {
	question, err := d.registry.Ask(ctx, args.GetMessage(), &socketregistry.AskOptions{
		SocketID:    args.GetSocketId(),
		Timeout:     args.GetTimeout().AsDuration(),
		MaxReplies:  args.GetMaxReplies(),
		Metadata:    toMap(args.GetMetadata()),
		Sender:      args.GetSender(),
		ThreadID:    args.GetThreadId(),
		RequestID:   args.GetRequestId(),
		MatchLabels: args.GetMatchLabels(),
	})
	if err != nil {
		return err
	}
	if err := item(&v1.AskResponse{Step: &v1.AskResponse_Asked{Asked: question.Asked()}}); err != nil {
		return err
	}
	for reply, err := range question.Replies() {
		if err != nil {
			return err
		}
		if err := item(&v1.AskResponse{Step: &v1.AskResponse_Reply{Reply: reply.Message}}); err != nil {
			return err
		}
	}
	return item(&v1.AskResponse{Step: &v1.AskResponse_Summary{Summary: question.Summary()}})
}

func toMap(values *structpb.Struct) map[string]any {
	if values == nil {
		return nil
	}
	return values.AsMap()
}
