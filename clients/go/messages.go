package socketregistry

import (
	"context"
	"errors"
	"iter"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// MessagesOptions say how to read a socket's messages.
type MessagesOptions struct {
	// Mode says when a message counts as settled. Default: Explicit.
	Mode v1.AckMode
	// MaxOutstanding is how many messages may be in flight in mode Explicit. Default 1, which keeps the order; at most 10,000.
	MaxOutstanding uint32
	// Consumer is a named cursor of the team feed, durable, with a place of its own. For the team only.
	Consumer string
	// ExcludeSender leaves out what this sender signed.
	ExcludeSender string
	// Exclusive takes over: other readers of the queue end with READER_SUPERSEDED.
	Exclusive bool
	// After is the place to start after, in the modes Auto and None, or for a new Consumer. Nil: what nobody has settled.
	After *v1.Position
	// OnEvent is told of a GAP (messages that never come) and of a RESET (the queue was cleared), between the messages, by the
	// goroutine of the loop. Nil: they are logged as warnings.
	OnEvent func(event *v1.ReadResponse)
}

// source is where a loop gets its messages from.
type source interface {
	next(context.Context) (*Message, error)
	// leave ends it. The message, if any, is the one that the loop has.
	leave(*Message) error
}

// Messages gives the socket's messages: what waits, then what comes, until ctx ends.
//
//	for message, err := range apollo.Messages(ctx, nil) { ... }
//
// In mode Explicit a message is acknowledged when the loop's body asks for the next one, and its deadline is extended until
// then. A message that has not been settled when the loop is left, by break, return or panic, is given back: say
// [Message.Ack] before leaving. Leaving waits until the server knows, at most 10 seconds; what was sent ahead of the body then
// waits for the next reader at once.
//
// The loop goes on over restarts of the server, and waits for one that is not there yet. What comes again while the client
// still has it is handed out once.
//
// Errors, each the last of its loop: SOCKET_NOT_FOUND, SOCKET_DELETED, READER_SUPERSEDED, READER_LIMIT, POSITION_LOST,
// AFTER_NOT_ALLOWED, CONSUMER_NOT_ALLOWED, INVALID_FIELD, INVALID_SOCKET_ID.
func (s *Socket) Messages(ctx context.Context, options *MessagesOptions) iter.Seq2[*Message, error] {
	o := valueOf(options)
	return func(yield func(*Message, error) bool) {
		messages, err := s.sourceOf(ctx, o)
		if err != nil {
			yield(nil, err)
			return
		}
		var current *Message
		hasLeft := false
		leave := func() error {
			hasLeft = true
			return messages.leave(current)
		}
		// A body that leaves the loop can be told nothing any more: what could not be acknowledged is in the log.
		defer func() {
			if !hasLeft {
				_ = leave()
			}
		}()
		for {
			if current, err = messages.next(ctx); err != nil {
				yield(nil, withFailure(err, leave()))
				return
			}
			if !yield(current, nil) {
				return
			}
			if current.delivery != nil {
				// Refused where the body has settled it.
				_ = current.delivery.owner.settle(current.delivery, outcome{})
			}
			current = nil
		}
	}
}

func (s *Socket) sourceOf(ctx context.Context, o MessagesOptions) (source, error) {
	request := &v1.ReadRequest{
		AckMode:        o.Mode,
		MaxOutstanding: o.MaxOutstanding,
		Consumer:       o.Consumer,
		ExcludeSender:  o.ExcludeSender,
		Exclusive:      o.Exclusive,
		After:          o.After,
	}
	if o.Mode == Auto || o.Mode == None {
		return s.look(request, o.OnEvent), nil
	}
	return s.openInbox(ctx, request, o.OnEvent)
}

// withFailure adds to the error of a loop what it could not tell the server.
func withFailure(err, failure error) error {
	if failure == nil {
		return err
	}
	return errors.Join(err, failure)
}
