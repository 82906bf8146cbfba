package socketregistry

import (
	"cmp"
	"context"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// WriteOptions are what goes with a message.
type WriteOptions struct {
	// Metadata is whatever the author attaches. At most 64 KiB and 30 levels deep; numbers come back as float64.
	Metadata map[string]any
	// Sender is the author's socket id. Empty: the connection's; without one the message is unsigned.
	Sender string
	// ThreadID is the thread the message belongs to. At most 256 bytes.
	ThreadID string
	// ReplyTo is the id of the message this one answers.
	ReplyTo string
	// RequestID makes the call safe to repeat. Empty: one is made. At most 256 bytes.
	RequestID string
	// MatchLabels narrows a broadcast to the sockets that have all these labels.
	MatchLabels map[string]string
	// IncludeSender says whether a broadcast also goes to its own sender.
	IncludeSender bool
}

// Broadcast writes to every socket that can take a message. Those that cannot are skipped, and named in the answer.
//
// Errors: MESSAGE_TOO_LARGE, INVALID_SOCKET_ID, INVALID_FIELD, REQUEST_ID_REUSED, STORAGE_FULL.
func (r *Registry) Broadcast(ctx context.Context, text string, options *WriteOptions) (*v1.WriteResponse, error) {
	return r.Team().Write(ctx, text, options)
}

// Write puts a message of at most 1 MiB into the socket's queue. It returns when the message is durable.
//
// Errors: SOCKET_NOT_FOUND, SOCKET_INACTIVE, SOCKET_UNRESPONSIVE, QUEUE_FULL, STORAGE_FULL, MESSAGE_TOO_LARGE,
// INVALID_SOCKET_ID, INVALID_FIELD, REQUEST_ID_REUSED; STORAGE_UNAVAILABLE or a deadline leave the outcome unknown: repeat
// it with the same RequestID.
func (s *Socket) Write(ctx context.Context, text string, options *WriteOptions) (*v1.WriteResponse, error) {
	request, err := s.registry.writeRequest(s.id, text, options)
	if err != nil {
		return nil, err
	}
	return s.registry.stub.Write(ctx, request)
}

// writeRequest is a write as it goes to the registry. Its id is made once, so that every attempt carries it.
func (r *Registry) writeRequest(socketID, text string, options *WriteOptions) (*v1.WriteRequest, error) {
	o := valueOf(options)
	metadata, err := structOf(o.Metadata)
	if err != nil {
		return nil, err
	}
	return &v1.WriteRequest{
		SocketId:      socketID,
		Message:       text,
		Metadata:      metadata,
		Sender:        cmp.Or(o.Sender, r.sender),
		RequestId:     requestIDOf(o.RequestID),
		ThreadId:      o.ThreadID,
		ReplyTo:       o.ReplyTo,
		IncludeSender: o.IncludeSender,
		MatchLabels:   o.MatchLabels,
	}, nil
}

// Say is a write by the socket to itself: its output. It goes to the team feed, and to whoever asked, never into its own queue,
// and is refused for no state. Options.Sender has no meaning here.
//
// Errors: those of Write, but for SOCKET_INACTIVE, SOCKET_UNRESPONSIVE and QUEUE_FULL.
func (s *Socket) Say(ctx context.Context, text string, options *WriteOptions) (*v1.WriteResponse, error) {
	o := valueOf(options)
	o.Sender = s.id
	return s.Write(ctx, text, &o)
}
