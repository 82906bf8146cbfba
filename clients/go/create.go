package socketregistry

import (
	"context"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// What to do when the id of a new socket is taken.
const (
	// FailIfExists fails with SOCKET_EXISTS. It is the default.
	FailIfExists = v1.ConflictPolicy_CONFLICT_POLICY_FAIL
	// UseExisting gives the socket that is there, and changes nothing.
	UseExisting = v1.ConflictPolicy_CONFLICT_POLICY_USE_EXISTING
	// Replace deletes the socket that is there, with its queue.
	Replace = v1.ConflictPolicy_CONFLICT_POLICY_REPLACE
)

// CreateOptions describe a new socket.
type CreateOptions struct {
	// SocketID is the id wanted. Empty: the server makes one from the model.
	SocketID string
	// Model is the agent's model. At most 256 bytes.
	Model string
	// Prompt is the agent's system prompt. At most 256 KiB.
	Prompt string
	// Context is whatever belongs to the agent. At most 256 KiB and 30 levels deep; numbers come back as float64.
	Context map[string]any
	// Labels to select sockets by. At most 32.
	Labels map[string]string
	// Config holds settings that differ from the server's defaults.
	Config *v1.SocketConfig
	// OnConflict says what to do when the id is taken. Default: FailIfExists.
	OnConflict v1.ConflictPolicy
	// RequestID makes the call safe to repeat. Empty: one is made.
	RequestID string
	// IssueToken asks for a token for the new socket, in Created().Token.
	IssueToken bool
}

// Create registers a socket. [Socket.Created] of its handle is the answer.
//
// Errors: SOCKET_EXISTS, INVALID_SOCKET_ID, CONTEXT_TOO_DEEP, INVALID_FIELD, REQUEST_ID_REUSED, BROADCAST_SOCKET_PROTECTED,
// SOCKET_LIMIT, STORAGE_FULL.
func (r *Registry) Create(ctx context.Context, options *CreateOptions) (*Socket, error) {
	o := valueOf(options)
	contents, err := structOf(o.Context)
	if err != nil {
		return nil, err
	}
	created, err := r.stub.Create(ctx, &v1.CreateRequest{
		SocketId:   o.SocketID,
		Model:      o.Model,
		Prompt:     o.Prompt,
		Context:    contents,
		Labels:     o.Labels,
		Config:     o.Config,
		OnConflict: o.OnConflict,
		RequestId:  requestIDOf(o.RequestID),
		IssueToken: o.IssueToken,
	})
	if err != nil {
		return nil, err
	}
	return &Socket{registry: r, id: created.GetSocket().GetSocketId(), created: created}, nil
}
