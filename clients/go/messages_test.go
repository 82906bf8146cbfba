package socketregistry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestABreakGivesTheMessageBack(t *testing.T) {
	t.Parallel()
	socket := socketWith(t, startServer(t).connect(nil), nil, 2)
	for message, err := range socket.Messages(testContext(t), nil) {
		check(t, err)
		expect(t, "content", message.Content, "1")
		break
	}
	expect(t, "what waits", contents(t, socket), "1/2 2/1")
}

func TestAnAckBeforeABreakSettlesIt(t *testing.T) {
	t.Parallel()
	socket := socketWith(t, startServer(t).connect(nil), nil, 1)
	for message, err := range socket.Messages(testContext(t), nil) {
		check(t, err)
		check(t, message.Ack(testContext(t)))
		check(t, message.Ack(testContext(t)))
		expect(t, "a second outcome", codeOf(message.Nack(testContext(t), 0)), codes.InvalidArgument)
		break
	}
	untilEmpty(t, socket)
}

func TestAPanicGivesTheMessageBack(t *testing.T) {
	t.Parallel()
	socket := socketWith(t, startServer(t).connect(nil), nil, 1)
	func() {
		defer func() { expect(t, "panic", recover(), any("body")) }()
		for _, err := range socket.Messages(testContext(t), nil) {
			check(t, err)
			panic("body")
		}
	}()
	expect(t, "what waits", contents(t, socket), "1/2")
}

func TestTheContextEndsALoop(t *testing.T) {
	t.Parallel()
	registry := startServer(t).connect(nil)
	socket := socketWith(t, registry, nil, 1)
	for _, options := range []*MessagesOptions{nil, {Mode: Auto}, {Mode: None}} {
		ctx, cancel := context.WithCancel(testContext(t))
		var ends []error
		for _, err := range socket.Messages(ctx, options) {
			if err != nil {
				ends = append(ends, err)
				continue
			}
			cancel()
		}
		cancel()
		expect(t, "errors", len(ends), 1)
		expectError(t, ends[0], context.Canceled)
		_, err := socket.Write(testContext(t), "next", nil)
		check(t, err)
	}

	late, cancel := context.WithDeadline(testContext(t), time.Now())
	defer cancel()
	for _, err := range socket.Messages(late, nil) {
		expectError(t, err, context.DeadlineExceeded)
		var failed *Error
		expect(t, "is an *Error", errors.As(err, &failed), true)
		expect(t, "code", failed.Code, codes.DeadlineExceeded)
	}
	_, err := socket.Info(late)
	expectError(t, err, context.DeadlineExceeded)
}

func TestASlowBodyKeepsWhatItHasAndWhatWaitsForIt(t *testing.T) {
	t.Parallel()
	registry := startServer(t).connect(nil)
	config := &v1.SocketConfig{AckDeadline: durationpb.New(500 * time.Millisecond)}
	socket := socketWith(t, registry, config, 4)
	attempts := map[string]uint32{}
	for message, err := range socket.Messages(testContext(t), &MessagesOptions{MaxOutstanding: 4}) {
		check(t, err)
		if len(attempts) == 0 {
			passTime(t, registry, 2*time.Second)
		}
		attempts[message.Content] += message.DeliveryAttempt
		if len(attempts) == 4 {
			check(t, message.Ack(testContext(t)))
			break
		}
	}
	for content, sum := range attempts {
		expect(t, "attempts of "+content, sum, 1)
	}
	untilEmpty(t, socket)
}

func TestALossIsTold(t *testing.T) {
	t.Parallel()
	dropOldest, two := v1.OverflowPolicy_OVERFLOW_POLICY_DROP_OLDEST, uint32(2)
	config := &v1.SocketConfig{OverflowPolicy: &dropOldest, MaxQueueSize: &two}
	for name, options := range map[string]*MessagesOptions{"explicit": {}, "auto": {Mode: Auto}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := socketWith(t, startServer(t).connect(nil), config, 5)
			var told []string
			isReset := false
			options.OnEvent = func(event *v1.ReadResponse) {
				told = append(told, event.GetEvent().String())
				if event.GetEvent() == v1.ReadEvent_READ_EVENT_GAP {
					expect(t, "lost", event.GetDroppedCount(), 3)
				}
			}
			for message, err := range socket.Messages(testContext(t), options) {
				check(t, err)
				told = append(told, message.Content)
				if message.Content == "5" && !isReset {
					_, err := socket.Reset(testContext(t), &ResetOptions{Scope: v1.ResetScope_RESET_SCOPE_QUEUE})
					check(t, err)
					_, err = socket.Write(testContext(t), "6", nil)
					check(t, err)
					isReset = true
				}
				if message.Content == "6" {
					break
				}
			}
			expect(t, "told", strings.Join(told, " "), "READ_EVENT_GAP 4 5 READ_EVENT_RESET 6")
		})
	}
}

func TestALossThatNobodyTakesIsLogged(t *testing.T) {
	t.Parallel()
	dropOldest, one := v1.OverflowPolicy_OVERFLOW_POLICY_DROP_OLDEST, uint32(1)
	var log bytes.Buffer
	registry := startServer(t).connect(&ConnectOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	socket := socketWith(t, registry, &v1.SocketConfig{OverflowPolicy: &dropOldest, MaxQueueSize: &one}, 2)
	for _, err := range socket.Messages(testContext(t), &MessagesOptions{Mode: Auto}) {
		check(t, err)
		break
	}
	expect(t, "level", strings.Contains(log.String(), "level=WARN"), true)
	expect(t, "event", strings.Contains(log.String(), "READ_EVENT_GAP"), true)
}

func TestAReplyGoesToWhoeverWrote(t *testing.T) {
	t.Parallel()
	registry := startServer(t).connect(nil)
	ctx := testContext(t)
	socket := socketWith(t, registry, nil, 1)
	me, err := registry.Create(ctx, &CreateOptions{SocketID: "me"})
	check(t, err)
	written, err := socket.Write(ctx, "Well?", &WriteOptions{Sender: "me", ThreadID: "thread"})
	check(t, err)
	messages, err := socket.Drain(ctx)
	check(t, err)
	_, err = messages[0].Reply(ctx, "to nobody", nil)
	expect(t, "an unsigned message", codeOf(err), codes.InvalidArgument)
	_, err = messages[1].Reply(ctx, "Well.", nil)
	check(t, err)
	replies, err := me.Drain(ctx)
	check(t, err)
	expect(t, "sender", replies[0].Sender, "x")
	expect(t, "reply_to", replies[0].ReplyTo, written.MessageId)
	expect(t, "thread", replies[0].ThreadId, "thread")
	expect(t, "an AUTO message", codeOf(replies[0].Ack(ctx)), codes.InvalidArgument)
}
