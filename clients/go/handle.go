package socketregistry

import (
	"context"
	"sync"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// HandleOptions say how to read a socket's messages for a handler.
type HandleOptions struct {
	// MaxOutstanding is how many handlers may run at once. Default 1, which keeps the order; at most 10,000.
	MaxOutstanding uint32
	// RetryDelay is how long a message waits that a handler has failed on. Zero: 1 s. Negative: not at all.
	RetryDelay time.Duration
	// Consumer, ExcludeSender, Exclusive and OnEvent are those of [MessagesOptions].
	Consumer      string
	ExcludeSender string
	Exclusive     bool
	OnEvent       func(event *v1.ReadResponse)
}

const retryDelayDefault = time.Second

// Handle calls a handler for each of the socket's messages, until ctx ends. A message is acknowledged when its handler returns
// nil, and given back when it returns an error; the loop goes on. Its deadline is extended while the handler runs.
//
// The handler's context is ctx itself. When that ends, Handle waits for the handlers that run, and until the server knows what
// they did, at most 10 seconds; what a handler gives up then is given back without a delay, and what none has seen waits for
// the next reader at once.
//
// Errors: those of [Socket.Messages]; it always returns one.
func (s *Socket) Handle(
	ctx context.Context, handler func(context.Context, *Message) error, options *HandleOptions,
) error {
	o := valueOf(options)
	if o.RetryDelay == 0 {
		o.RetryDelay = retryDelayDefault
	}
	messages, err := s.openInbox(ctx, &v1.ReadRequest{
		MaxOutstanding: o.MaxOutstanding,
		Consumer:       o.Consumer,
		ExcludeSender:  o.ExcludeSender,
		Exclusive:      o.Exclusive,
	}, o.OnEvent)
	if err != nil {
		return err
	}
	slots := make(chan struct{}, max(1, o.MaxOutstanding))
	var running sync.WaitGroup
	for {
		slots <- struct{}{}
		message, err := messages.next(ctx)
		if err != nil {
			messages.stop()
			running.Wait()
			return withFailure(err, messages.leave(nil))
		}
		running.Add(1)
		go func() {
			defer running.Done()
			how := s.work(ctx, handler, message, o.RetryDelay)
			// Refused where the handler has settled it.
			_ = messages.deliveries.settle(message.delivery, how)
			<-slots
		}()
	}
}

// work handles one message, and gives what became of it.
func (s *Socket) work(
	ctx context.Context, handler func(context.Context, *Message) error, message *Message, retryDelay time.Duration,
) outcome {
	err := handler(ctx, message)
	if err == nil {
		return outcome{}
	}
	s.registry.log.Warn("a handler failed; its message is given back",
		"socket", s.id, "message", message.GetMessageId(), "attempt", message.GetDeliveryAttempt(), "error", err)
	if ctx.Err() != nil {
		retryDelay = 0
	}
	return outcome{isNack: true, retryDelay: max(0, retryDelay)}
}
