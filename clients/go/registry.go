package socketregistry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc"
)

// TeamID is the address of the whole team. Writing to it reaches every socket that can take a message; reading it gives the
// team feed, which is what the team says.
const TeamID = "team-chat-all"

// How long an end of something waits until the server knows what was done.
const flushMax = 10 * time.Second

// Registry is a connection to a registry. It is safe for concurrent use.
type Registry struct {
	connection *grpc.ClientConn
	stub       v1.SocketRegistryClient
	timeout    time.Duration
	sender     string
	// What is worth knowing, and what must not go unsaid.
	log, alarm *slog.Logger

	// Ends first: loops take no new messages, and what they did is still told.
	open  context.Context
	close context.CancelFunc
	// Ends last, with all that runs in the background.
	life context.Context
	end  context.CancelFunc

	mutex   sync.Mutex
	loops   map[*inbox]struct{}
	writers map[*Writer]struct{}
}

// Connect makes a Registry for an address: `host:port`, or any other target that gRPC knows. The connection is opened at the
// first call, so no server has to be there yet.
//
// It fails for what can be no address, and for a token that would cross a network in the clear.
func Connect(address string, options *ConnectOptions) (*Registry, error) {
	o := valueOf(options)
	r := &Registry{
		timeout: o.Timeout,
		sender:  o.Sender,
		log:     o.Logger,
		alarm:   o.Logger,
		loops:   map[*inbox]struct{}{},
		writers: map[*Writer]struct{}{},
	}
	if r.timeout == 0 {
		r.timeout = timeoutDefault
	}
	if o.Logger == nil {
		r.log, r.alarm = slog.New(slog.DiscardHandler), slog.Default()
	}
	connection, err := dial(address, o, grpc.WithUnaryInterceptor(r.unary), grpc.WithStreamInterceptor(r.stream))
	if err != nil {
		return nil, err
	}
	r.connection, r.stub = connection, v1.NewSocketRegistryClient(connection)
	r.open, r.close = context.WithCancel(context.Background())
	r.life, r.end = context.WithCancel(context.Background())
	return r, nil
}

// Close ends loops, writers and streams with [ErrClosed], and the connection. Before, it waits until the server knows what was
// acknowledged and has answered what was written, at most 10 seconds; its error then says what could not be told, and will be
// delivered again, and how many writes were not answered. It does not wait
// for the bodies of loops and handlers that still run: what they have waits for the next reader at once.
func (r *Registry) Close() error {
	r.mutex.Lock()
	if r.open.Err() != nil {
		r.mutex.Unlock()
		return nil
	}
	r.close()
	left := make(chan error)
	count := len(r.loops) + len(r.writers)
	for loop := range r.loops {
		go func() { left <- loop.leave(nil) }()
	}
	for writer := range r.writers {
		go func() { left <- writer.finish() }()
	}
	r.mutex.Unlock()

	var failures []error
	for range count {
		failures = append(failures, <-left)
	}
	r.end()
	return errors.Join(append(failures, r.connection.Close())...)
}

// Stub is the generated client, for every RPC that has no method here. Its calls have the token, the timeout and the errors of
// this Registry.
func (r *Registry) Stub() v1.SocketRegistryClient { return r.stub }

// Socket is a handle of a socket. Nobody is asked whether there is one.
func (r *Registry) Socket(id string) *Socket { return &Socket{registry: r, id: id} }

// Team is a handle of the whole team, and of its feed.
func (r *Registry) Team() *Socket { return r.Socket(TeamID) }

// ServerInfo tells the server's version, limits, durability and state.
func (r *Registry) ServerInfo(ctx context.Context) (*v1.GetServerInfoResponse, error) {
	return r.stub.GetServerInfo(ctx, &v1.GetServerInfoRequest{})
}

// whileOpen is a context that also ends when the Registry is closed.
func (r *Registry) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	bound, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.open, cancel)
	return bound, func() {
		stop()
		cancel()
	}
}

// unary is what every unary call goes through, those of the stub too.
func (r *Registry) unary(
	ctx context.Context, method string, request, response any,
	connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	err := translate(limited, invoke(limited, method, request, response, connection, options...))
	if err != nil && r.life.Err() != nil {
		return ErrClosed
	}
	return err
}

// stream is what every stream goes through.
func (r *Registry) stream(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn,
	method string, open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	opened, err := open(ctx, description, connection, method, options...)
	if err != nil && r.life.Err() != nil {
		return nil, ErrClosed
	}
	if err != nil {
		return nil, translate(ctx, err)
	}
	return &translated{ClientStream: opened, ctx: ctx}, nil
}

// translated is a stream with the errors of this package.
type translated struct {
	grpc.ClientStream
	ctx context.Context
}

func (t *translated) SendMsg(message any) error {
	return translate(t.ctx, t.ClientStream.SendMsg(message))
}

func (t *translated) RecvMsg(message any) error {
	return translate(t.ctx, t.ClientStream.RecvMsg(message))
}

// valueOf is what options point to. Nil: the defaults.
func valueOf[T any](options *T) T {
	if options == nil {
		var defaults T
		return defaults
	}
	return *options
}
