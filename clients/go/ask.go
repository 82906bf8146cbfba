package socketregistry

import (
	"cmp"
	"context"
	"io"
	"iter"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc"
)

// AskOptions are what goes with a question.
type AskOptions struct {
	// SocketID is whom to ask. Empty: the whole team.
	SocketID string
	// Timeout is how long to wait for replies. Zero: 30 s. At most 10 min.
	Timeout time.Duration
	// MaxReplies ends the waiting after so many. Zero: no such end.
	MaxReplies uint32
	// Metadata is whatever the asker attaches. At most 64 KiB and 30 levels deep.
	Metadata map[string]any
	// Sender is the asker's socket id. Empty: the connection's; without one the question is unsigned.
	Sender string
	// ThreadID is the thread the question belongs to.
	ThreadID string
	// RequestID makes the question safe to repeat. Empty: one is made.
	RequestID string
	// MatchLabels narrows a question to the team to the sockets that have all these labels.
	MatchLabels map[string]string
}

// An Ask whose server is away is given up after the question's own time, but not before this.
const askPatienceMin = 30 * time.Second

// Question is a question that has been asked. It belongs to one goroutine.
type Question struct {
	steps   *followed[v1.AskResponse]
	ctx     context.Context
	socket  *Socket
	asked   *v1.WriteResponse
	summary *v1.AskSummary
	seen    map[string]bool
}

// Ask puts a question of at most 1 MiB to the team, or to one socket, and returns when it is durable. Range over its Replies;
// who does not must Close it, or end ctx.
//
//	question, err := registry.Ask(ctx, "2 + 2?", &socketregistry.AskOptions{SocketID: "apollo"})
//	...
//	for reply, err := range question.Replies() { ... }
//	question.Summary().GetMissing() // who did not answer, and why
//
// Errors: those of [Socket.Write], and READER_LIMIT.
func (r *Registry) Ask(ctx context.Context, text string, options *AskOptions) (*Question, error) {
	o := valueOf(options)
	metadata, err := structOf(o.Metadata)
	if err != nil {
		return nil, err
	}
	// The same each time, so that the question is asked once.
	request := &v1.AskRequest{
		SocketId: o.SocketID, Message: text, Metadata: metadata, Sender: cmp.Or(o.Sender, r.sender),
		Timeout: durationOf(o.Timeout), MaxReplies: o.MaxReplies, RequestId: requestIDOf(o.RequestID),
		ThreadId: o.ThreadID, MatchLabels: o.MatchLabels,
	}
	q := &Question{ctx: ctx, socket: r.Socket(cmp.Or(o.SocketID, TeamID)), seen: map[string]bool{}}
	lastSign := time.Now()
	q.steps = &followed[v1.AskResponse]{
		registry: r,
		doing:    "asking",
		hasEnd:   true,
		open: func(ctx context.Context) (grpc.ServerStreamingClient[v1.AskResponse], error) {
			return r.stub.Ask(ctx, request)
		},
		isOver: func() bool {
			if q.steps.failures == 0 {
				lastSign = time.Now()
			}
			return q.asked == nil || time.Since(lastSign) > max(o.Timeout, askPatienceMin)
		},
	}
	for q.asked == nil {
		step, err := q.steps.next(ctx)
		if err != nil {
			q.Close()
			return nil, err
		}
		q.asked = step.GetAsked()
	}
	return q, nil
}

// Asked tells the question's message_id and who got it.
func (q *Question) Asked() *v1.WriteResponse { return q.asked }

// Summary tells who answered and who did not. Nil until Replies has come to its end.
func (q *Question) Summary() *v1.AskSummary { return q.summary }

// Replies gives the replies as they come, each once, until everybody has answered, MaxReplies have come, or the time is up.
// When the server is started again it goes on. There is one range over it; leaving that early ends the question.
func (q *Question) Replies() iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		defer q.Close()
		for q.summary == nil {
			step, err := q.steps.next(q.ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			q.summary = step.GetSummary()
			// What comes again came before the break.
			reply := step.GetReply()
			if reply == nil || q.seen[reply.GetMessageId()] {
				continue
			}
			q.seen[reply.GetMessageId()] = true
			if !yield(messageOf(reply, q.socket), nil) {
				return
			}
		}
	}
}

// Collect waits for all the replies. When it fails it returns those that had come.
func (q *Question) Collect() ([]*Message, error) {
	var replies []*Message
	for reply, err := range q.Replies() {
		if err != nil {
			return replies, err
		}
		replies = append(replies, reply)
	}
	return replies, nil
}

// Close ends the question: no more replies are waited for. Only who does not range over Replies needs it.
func (q *Question) Close() { q.steps.close() }
