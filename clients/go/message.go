package socketregistry

import (
	"cmp"
	"context"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// Message is one message as a reader sees it, with the verbs that settle it where it was read in mode Explicit.
type Message struct {
	*v1.Message
	// Metadata is what the author attached. Nil when that is nothing.
	Metadata map[string]any

	socket *Socket
	// Who signs a reply. Empty: the connection's sender, else the socket.
	author string
	// Nil where there is nothing to settle.
	delivery *delivery
}

func messageOf(message *v1.Message, socket *Socket) *Message {
	return &Message{Message: message, Metadata: mapOf(message.GetMetadata()), socket: socket}
}

// Ack says that the message is done: it never comes again. It returns when the server knows; when ctx ends before, the server
// is told all the same. The end of a loop's body says the same without waiting.
//
// Errors: INVALID_ARGUMENT for a message that was given back, or that was not read in mode Explicit; SOCKET_NOT_FOUND.
func (m *Message) Ack(ctx context.Context) error { return m.settle(ctx, outcome{}) }

// Nack gives the message back: the attempt has failed. It is delivered again after the delay, of at most 7 days, or is parked
// when it has failed too often. Waiting and errors are those of Ack.
func (m *Message) Nack(ctx context.Context, retryDelay time.Duration) error {
	return m.settle(ctx, outcome{isNack: true, retryDelay: retryDelay})
}

func (m *Message) settle(ctx context.Context, how outcome) error {
	if m.delivery == nil {
		return invalid("the message %s was not read in mode Explicit: there is nothing to settle", m.GetMessageId())
	}
	if err := m.delivery.owner.settle(m.delivery, how); err != nil {
		return err
	}
	select {
	case <-m.delivery.told:
	case <-m.delivery.owner.done:
	case <-ctx.Done():
	}
	select {
	case <-m.delivery.told:
		return m.delivery.err
	default:
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	return ErrClosed
}

// Extend asks for the socket's ack_deadline once more, counted from now. A loop does so by itself, as long as the message is
// in its body.
//
// Errors: those of Ack, but for a message that was given back: that is left alone.
func (m *Message) Extend(ctx context.Context) error {
	if m.delivery == nil {
		return invalid("the message %s was not read in mode Explicit: it has no deadline", m.GetMessageId())
	}
	owner := m.delivery.owner
	_, err := owner.registry.stub.Acknowledge(ctx, &v1.AcknowledgeRequest{
		SocketId: owner.socketID, Consumer: owner.consumer,
		Epoch: m.GetEpoch(), ExtendSequences: []uint64{m.GetSequence()},
	})
	return err
}

// Reply writes into the queue of whoever wrote the message: with its message_id as reply_to and in its thread, unless options
// say otherwise. It is signed by options.Sender, else the connection's sender, else the socket that got the message.
//
// Errors: INVALID_ARGUMENT when the message is unsigned, and those of [Socket.Write].
func (m *Message) Reply(ctx context.Context, text string, options *WriteOptions) (*v1.WriteResponse, error) {
	if m.GetSender() == "" {
		return nil, invalid("the message %s is unsigned: nobody can be replied to", m.GetMessageId())
	}
	registry := m.socket.registry
	o := valueOf(options)
	o.ReplyTo = cmp.Or(o.ReplyTo, m.GetMessageId())
	o.ThreadID = cmp.Or(o.ThreadID, m.GetThreadId())
	o.Sender = cmp.Or(o.Sender, m.author, registry.sender)
	if o.Sender == "" && m.socket.id != TeamID {
		o.Sender = m.socket.id
	}
	return registry.Socket(m.GetSender()).Write(ctx, text, &o)
}
