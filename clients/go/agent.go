package socketregistry

import (
	"context"
	"maps"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// AgentOptions describe an agent.
type AgentOptions struct {
	// Model, Prompt, Context and Labels are the socket's. What is not set stays as it is in a socket that is there already.
	Model   string
	Prompt  string
	Context map[string]any
	Labels  map[string]string
	// Lease is how long the socket stays ACTIVE without a sign of life. Zero: 30 s.
	Lease time.Duration
	// MaxOutstanding is how many handlers may run at once. Default 1, which keeps the order.
	MaxOutstanding uint32
	// RetryDelay is how long a message waits that the handler has failed on. Zero: 1 s. Negative: not at all.
	RetryDelay time.Duration
}

const (
	leaseDefault = 30 * time.Second
	// What an agent still has to say when it is stopped takes at most this long.
	farewellMax = 5 * time.Second
)

// Agent is an AI in the team: it registers a socket, or takes the one that is there, gives signs of life, and calls the handler
// for each message. The text that the handler returns is said by the socket, in answer to the message, on the team feed and to
// whoever asked; empty text says nothing. An error gives the message back. A socket collects mail while its agent is away.
//
// It goes on over restarts of the server. It returns nil when its socket is deleted. When ctx ends, which is the handler's
// context too, it waits for the handlers that run, tells the server what they did, marks the socket inactive, and returns the
// context's error.
//
// Errors: those of [Registry.Create] and [Socket.Messages], but for SOCKET_NOT_FOUND and SOCKET_DELETED.
func (r *Registry) Agent(
	ctx context.Context, id string, handler func(context.Context, *Message) (string, error), options *AgentOptions,
) error {
	o := valueOf(options)
	if o.Lease == 0 {
		o.Lease = leaseDefault
	}
	socket, err := r.join(ctx, id, o)
	if err == nil {
		err = socket.live(ctx, handler, o)
	}
	switch {
	case isGone(err):
		return nil
	case ctx.Err() != nil && socket != nil:
		farewell, cancel := outlast(ctx, farewellMax)
		defer cancel()
		if _, failure := socket.MarkInactive(farewell, "left"); failure != nil && !isGone(failure) {
			r.log.Warn("an agent left without saying so", "socket", id, "error", failure)
		}
	}
	return err
}

// join makes the socket what the options say.
func (r *Registry) join(ctx context.Context, id string, o AgentOptions) (*Socket, error) {
	acceptWhenAway := true
	wanted := &CreateOptions{
		SocketID: id, Model: o.Model, Prompt: o.Prompt, Context: o.Context, Labels: o.Labels,
		Config:     &v1.SocketConfig{AcceptWhenAway: &acceptWhenAway, LeaseDuration: durationpb.New(o.Lease)},
		OnConflict: UseExisting, RequestID: randomUUID(),
	}
	var socket *Socket
	err := r.persist(ctx, "registering "+id, func(ctx context.Context) (err error) {
		socket, err = r.Create(ctx, wanted)
		return err
	})
	if err != nil {
		return nil, err
	}
	found := socket.created.GetSocket()
	if change := differenceOf(found, wanted); len(change.Fields) > 0 {
		err = r.persist(ctx, "updating "+id, func(ctx context.Context) error {
			_, err := socket.Update(ctx, change)
			return err
		})
	}
	hasLeft := found.GetState() == v1.SocketState_SOCKET_STATE_INACTIVE &&
		found.GetStateReason() == v1.StateReason_STATE_REASON_CLIENT_LEFT
	if err == nil && hasLeft {
		err = r.persist(ctx, "returning to "+id, func(ctx context.Context) error {
			_, err := socket.MarkActive(ctx, "returned")
			return err
		})
	}
	return socket, err
}

// differenceOf is the update that makes a socket what is wanted. It has no fields for one that is.
func differenceOf(found *v1.Socket, wanted *CreateOptions) *UpdateOptions {
	change := &UpdateOptions{
		Model: wanted.Model, Prompt: wanted.Prompt, Context: wanted.Context, Labels: wanted.Labels, Config: wanted.Config,
	}
	// What cannot be sent would have failed before.
	contents, _ := structOf(wanted.Context)
	for field, differs := range map[string]bool{
		"model":                   wanted.Model != "" && wanted.Model != found.GetModel(),
		"prompt":                  wanted.Prompt != "" && wanted.Prompt != found.GetPrompt(),
		"context":                 contents != nil && !proto.Equal(contents, found.GetContext()),
		"labels":                  wanted.Labels != nil && !maps.Equal(wanted.Labels, found.GetLabels()),
		"config.accept_when_away": !found.GetConfig().GetAcceptWhenAway(),
		"config.lease_duration":   !proto.Equal(wanted.Config.LeaseDuration, found.GetConfig().GetLeaseDuration()),
	} {
		if differs {
			change.Fields = append(change.Fields, field)
		}
	}
	return change
}

// live gives signs of life and answers messages until ctx ends or the socket is gone.
func (s *Socket) live(
	ctx context.Context, handler func(context.Context, *Message) (string, error), o AgentOptions,
) error {
	beating, cancel := context.WithCancel(ctx)
	beat := make(chan struct{})
	go func() {
		defer close(beat)
		s.beat(beating, o.Lease/3)
	}()
	defer func() {
		cancel()
		<-beat
	}()
	return s.Handle(ctx, func(ctx context.Context, message *Message) error {
		message.author = s.id
		answer, err := handler(ctx, message)
		if err != nil || answer == "" {
			return err
		}
		return s.answer(ctx, message, answer)
	}, &HandleOptions{MaxOutstanding: o.MaxOutstanding, RetryDelay: o.RetryDelay})
}

// beat sends heartbeats. A socket that is gone is noticed by the reading.
func (s *Socket) beat(ctx context.Context, period time.Duration) {
	ticker := time.NewTicker(max(period, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if _, err := s.registry.stub.Heartbeat(ctx, &v1.HeartbeatRequest{SocketId: s.id}); err != nil && ctx.Err() == nil {
			s.registry.log.Warn("no heartbeat", "socket", s.id, "error", err)
		}
	}
}

// answer says what a handler returned, also when ctx has ended meanwhile: the work is done.
func (s *Socket) answer(ctx context.Context, message *Message, text string) error {
	ctx, cancel := outlast(ctx, farewellMax)
	defer cancel()
	options := &WriteOptions{
		ReplyTo: message.GetMessageId(), ThreadID: message.GetThreadId(), RequestID: s.id + "-" + message.GetMessageId(),
	}
	err := s.registry.persist(ctx, "answering as "+s.id, func(ctx context.Context) error {
		_, err := s.Say(ctx, text, options)
		return err
	})
	if ReasonOf(err) == ReasonRequestIDReused {
		// An earlier attempt has answered, in other words.
		return nil
	}
	return err
}

// outlast is a context that ends a while after another one has.
func outlast(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(while):
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}
