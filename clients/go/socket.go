package socketregistry

import (
	"context"
	"io"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Socket is a handle of one socket, or of the team. It holds no connection of its own, and is safe for concurrent use.
type Socket struct {
	registry *Registry
	id       string
	created  *v1.CreateResponse
}

// Info is what is known of a socket.
type Info struct {
	*v1.Socket
	// Context is the agent's context. Nil when it has none, and in listings.
	Context map[string]any
}

func infoOf(socket *v1.Socket) *Info {
	return &Info{Socket: socket, Context: mapOf(socket.GetContext())}
}

// ID is the socket's id.
func (s *Socket) ID() string { return s.id }

// Created is the answer of the Create that made this handle. Nil for a handle of [Registry.Socket].
func (s *Socket) Created() *v1.CreateResponse { return s.created }

// Info gives the socket in full.
//
// Errors: SOCKET_NOT_FOUND.
func (s *Socket) Info(ctx context.Context) (*Info, error) {
	found, err := s.registry.stub.GetSocketInfo(ctx, &v1.GetSocketInfoRequest{SocketId: s.id})
	if err != nil {
		return nil, err
	}
	return infoOf(found.GetSocket()), nil
}

// Drain takes everything that waits. What it returns is settled; when it fails, that is what had come until then.
//
// Errors: SOCKET_NOT_FOUND, READER_LIMIT, READER_SUPERSEDED.
func (s *Socket) Drain(ctx context.Context) ([]*Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var messages []*Message
	stream, err := s.registry.stub.Read(ctx, &v1.ReadRequest{SocketId: s.id, NoWait: true})
	for err == nil {
		var frame *v1.ReadResponse
		if frame, err = stream.Recv(); err == nil {
			for _, message := range frame.GetMessages() {
				messages = append(messages, messageOf(message, s))
			}
		}
	}
	if err == io.EOF {
		err = nil
	}
	return messages, err
}

// ResetOptions say what to clear.
type ResetOptions struct {
	// Scope is what to clear. Default: queue and context.
	Scope v1.ResetScope
	// Etag, when set, makes the reset happen only if it is the socket's.
	Etag string
}

// Reset clears the socket's queue and context, or one of them, and keeps the socket.
//
// Errors: SOCKET_NOT_FOUND, ETAG_MISMATCH.
func (s *Socket) Reset(ctx context.Context, options *ResetOptions) (*v1.ResetResponse, error) {
	o := valueOf(options)
	return s.registry.stub.Reset(ctx, &v1.ResetRequest{SocketId: s.id, Scope: o.Scope, Etag: o.Etag})
}

// DeleteOptions say under which conditions to delete.
type DeleteOptions struct {
	// Etag, when set, makes the delete happen only if it is the socket's.
	Etag string
	// AllowMissing makes it no error that there is no such socket.
	AllowMissing bool
}

// Delete removes the socket, its queue and its context.
//
// Errors: SOCKET_NOT_FOUND, ETAG_MISMATCH, BROADCAST_SOCKET_PROTECTED.
func (s *Socket) Delete(ctx context.Context, options *DeleteOptions) (*v1.DeleteResponse, error) {
	o := valueOf(options)
	return s.registry.stub.Delete(ctx, &v1.DeleteRequest{SocketId: s.id, Etag: o.Etag, AllowMissing: o.AllowMissing})
}

// UpdateOptions hold what is to change.
type UpdateOptions struct {
	// Model, Prompt, Context, Labels and Config are the new values.
	Model   string
	Prompt  string
	Context map[string]any
	Labels  map[string]string
	Config  *v1.SocketConfig
	// Fields names the fields to change, as the proto does: `model`, or a single setting such as `config.ack_deadline`; a field
	// named here and not set is cleared. Empty: those that are set.
	Fields []string
	// Etag, when set, makes the change happen only if it is the socket's.
	Etag string
}

// Update changes the socket's model, prompt, context, labels and config, and nothing else of it.
//
// Errors: SOCKET_NOT_FOUND, ETAG_MISMATCH, BROADCAST_SOCKET_PROTECTED, INVALID_FIELD, CONTEXT_TOO_DEEP, STORAGE_FULL.
func (s *Socket) Update(ctx context.Context, options *UpdateOptions) (*Info, error) {
	o := valueOf(options)
	contents, err := structOf(o.Context)
	if err != nil {
		return nil, err
	}
	request := &v1.UpdateRequest{Socket: &v1.Socket{
		SocketId: s.id, Model: o.Model, Prompt: o.Prompt, Context: contents, Labels: o.Labels, Config: o.Config, Etag: o.Etag,
	}}
	if len(o.Fields) > 0 {
		request.UpdateMask = &fieldmaskpb.FieldMask{Paths: o.Fields}
	}
	updated, err := s.registry.stub.Update(ctx, request)
	if err != nil {
		return nil, err
	}
	return infoOf(updated.GetSocket()), nil
}

// MarkActive makes the socket take messages again. The reason, of at most 256 bytes, is for people.
//
// Errors: SOCKET_NOT_FOUND, BROADCAST_SOCKET_PROTECTED.
func (s *Socket) MarkActive(ctx context.Context, reason string) (*Info, error) {
	marked, err := s.registry.stub.MarkActive(ctx, &v1.MarkActiveRequest{SocketId: s.id, Reason: reason})
	if err != nil {
		return nil, err
	}
	return infoOf(marked.GetSocket()), nil
}

// MarkInactive says that the socket leaves: new messages are refused, or collected with accept_when_away; its mail is kept.
//
// Errors: SOCKET_NOT_FOUND, BROADCAST_SOCKET_PROTECTED.
func (s *Socket) MarkInactive(ctx context.Context, reason string) (*Info, error) {
	marked, err := s.registry.stub.MarkInactive(ctx, &v1.MarkInactiveRequest{SocketId: s.id, Reason: reason})
	if err != nil {
		return nil, err
	}
	return infoOf(marked.GetSocket()), nil
}

// MarkUnresponsive makes the socket refuse new messages. Its mail is kept.
//
// Errors: SOCKET_NOT_FOUND, BROADCAST_SOCKET_PROTECTED.
func (s *Socket) MarkUnresponsive(ctx context.Context, reason string) (*Info, error) {
	marked, err := s.registry.stub.MarkUnresponsive(ctx, &v1.MarkUnresponsiveRequest{SocketId: s.id, Reason: reason})
	if err != nil {
		return nil, err
	}
	return infoOf(marked.GetSocket()), nil
}
