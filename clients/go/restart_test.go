package socketregistry

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

func TestAQuestionGoesOnOverARestart(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	registry := server.connect(nil)
	ctx := testContext(t)
	socket := socketWith(t, registry, nil, 0)
	other, err := registry.Create(ctx, &CreateOptions{SocketID: "y"})
	check(t, err)
	question, err := registry.Ask(ctx, "?", &AskOptions{Timeout: patience})
	check(t, err)
	expect(t, "asked", question.Asked().GetDeliveredCount(), 2)
	options := &WriteOptions{ReplyTo: question.Asked().GetMessageId()}
	_, err = socket.Say(ctx, "one", options)
	check(t, err)
	var replies []string
	for reply, err := range question.Replies() {
		check(t, err)
		replies = append(replies, reply.Content)
		if reply.Content == "one" {
			server.kill()
			server.start()
			_, err = other.Say(ctx, "two", options)
			check(t, err)
		}
	}
	expect(t, "replies", strings.Join(replies, " "), "one two")
	expect(t, "answered", strings.Join(question.Summary().GetAnswered(), " "), "x y")
}

// messageCount is enough for the server to die in the middle of deliveries, acknowledgements and redeliveries.
const messageCount = 10_000

func TestTenThousandMessagesOverTwoKills(t *testing.T) {
	t.Parallel()
	forms := map[string]func(context.Context, *Socket, func(string) bool) error{
		"loop":    handledByLoop,
		"handler": handledByHandler,
	}
	for name, handle := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t)
			size := uint32(messageCount)
			socket := socketWith(t, server.connect(nil), &v1.SocketConfig{MaxQueueSize: &size}, 0)
			fill(t, socket)

			var mutex sync.Mutex
			handled := map[string]bool{}
			restarts := 0
			ctx, cancel := context.WithCancel(testContext(t))
			defer cancel()
			err := handle(ctx, socket, func(content string) bool {
				mutex.Lock()
				defer mutex.Unlock()
				handled[content] = true
				if len(handled) > 3_000*(restarts+1) && restarts < 2 {
					restarts++
					server.kill()
					server.start()
				}
				return len(handled) == messageCount
			})
			expectError(t, err, context.Canceled)
			expect(t, "restarts", restarts, 2)
			untilEmpty(t, socket)
		})
	}
}

func handledByLoop(ctx context.Context, socket *Socket, isLast func(string) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for message, err := range socket.Messages(ctx, &MessagesOptions{MaxOutstanding: 100}) {
		if err != nil {
			return err
		}
		if isLast(message.Content) {
			if err := message.Ack(ctx); err != nil {
				return err
			}
			cancel()
		}
	}
	return nil
}

func handledByHandler(ctx context.Context, socket *Socket, isLast func(string) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return socket.Handle(ctx, func(_ context.Context, message *Message) error {
		if isLast(message.Content) {
			cancel()
		}
		return nil
	}, &HandleOptions{MaxOutstanding: 100})
}

// fill writes messageCount messages, many at once.
func fill(t *testing.T, socket *Socket) {
	t.Helper()
	ctx := testContext(t)
	var writers sync.WaitGroup
	for writer := range 50 {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for n := writer; n < messageCount; n += 50 {
				if _, err := socket.Write(ctx, fmt.Sprint(n), nil); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	writers.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
