package socketregistry

import (
	"context"
	"fmt"
	"testing"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// startPatientServer starts one that does not take back what it has sent: what comes again at once was released.
func startPatientServer(t *testing.T) *server {
	t.Helper()
	return startServer(t, "--return-grace-ms", "3600000")
}

// untilInFlight waits until so many messages were sent.
func untilInFlight(t *testing.T, socket *Socket, count uint32) {
	t.Helper()
	eventually(t, "messages in flight", func() bool {
		info, err := socket.Info(testContext(t))
		check(t, err)
		return info.InFlightCount == count
	})
}

// settle is told to the server, which then sends the next message to a stream that is about to end.
type settle func(context.Context, *Message) error

func ack(ctx context.Context, message *Message) error  { return message.Ack(ctx) }
func nack(ctx context.Context, message *Message) error { return message.Nack(ctx, 0) }

func TestWhatALoopHadNotSeenGoesToTheNextAtOnce(t *testing.T) {
	t.Parallel()
	ahead := &MessagesOptions{MaxOutstanding: 3}
	for name, leaving := range map[string]struct {
		leave func(*testing.T, *server, *Socket)
		waits string
	}{
		"an ack and a break":     {leaveByBreak(ahead, ack, 2), "2/1 3/1"},
		"an ack, one at a time":  {leaveByBreak(nil, ack, 2), "2/1 3/1"},
		"a nack and a break":     {leaveByBreak(ahead, nack, 3), "1/2 2/1 3/1"},
		"a nack, one at a time":  {leaveByBreak(nil, nack, 3), "1/2 2/1 3/1"},
		"a break":                {leaveByBreak(ahead, nil, 3), "1/2 2/1 3/1"},
		"the end of the context": {leaveByContext, "2/1 3/1"},
		"a handler that acks":    {leaveByStop(handling, ack), "2/1 3/1"},
		"a handler that nacks":   {leaveByStop(handling, nack), "1/2 2/1 3/1"},
		"an agent that acks":     {leaveByStop(answering, ack), "2/1 3/1"},
		"an agent that nacks":    {leaveByStop(answering, nack), "1/2 2/1 3/1"},
		"a closed connection":    {leaveByClose, "1/1 2/1 3/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startPatientServer(t)
			socket := socketWith(t, server.connect(nil), nil, 3)
			leaving.leave(t, server, socket)
			expect(t, "what waits", contents(t, socket), leaving.waits)
		})
	}
}

// leaveByBreak settles the first message, if at all, after which so many are left.
func leaveByBreak(options *MessagesOptions, how settle, left uint32) func(*testing.T, *server, *Socket) {
	return func(t *testing.T, _ *server, socket *Socket) {
		sent := max(1, valueOf(options).MaxOutstanding)
		for message, err := range socket.Messages(testContext(t), options) {
			check(t, err)
			untilInFlight(t, socket, sent)
			if how != nil {
				check(t, how(testContext(t), message))
				untilInFlight(t, socket, min(sent, left))
			}
			break
		}
	}
}

func leaveByContext(t *testing.T, _ *server, socket *Socket) {
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	for _, err := range socket.Messages(ctx, &MessagesOptions{MaxOutstanding: 3}) {
		if err != nil {
			expectError(t, err, context.Canceled)
			break
		}
		untilInFlight(t, socket, 3)
		cancel()
	}
}

func leaveByStop(
	work func(context.Context, *Socket, func(context.Context, *Message) error) error, how settle,
) func(*testing.T, *server, *Socket) {
	return func(t *testing.T, _ *server, socket *Socket) {
		ctx, cancel := context.WithCancel(testContext(t))
		defer cancel()
		settled, ends := make(chan error, 3), make(chan error, 1)
		go func() {
			ends <- work(ctx, socket, func(ctx context.Context, message *Message) error {
				settled <- how(ctx, message)
				<-ctx.Done()
				return nil
			})
		}()
		check(t, within(t, "a settled message", settled))
		untilInFlight(t, socket, 1)
		cancel()
		expectError(t, within(t, "the end", ends), context.Canceled)
	}
}

func handling(ctx context.Context, socket *Socket, handler func(context.Context, *Message) error) error {
	return socket.Handle(ctx, handler, nil)
}

func answering(ctx context.Context, socket *Socket, handler func(context.Context, *Message) error) error {
	return socket.registry.Agent(ctx, socket.id, func(ctx context.Context, message *Message) (string, error) {
		return "", handler(ctx, message)
	}, nil)
}

func leaveByClose(t *testing.T, server *server, _ *Socket) {
	registry := server.connect(nil)
	ends, handled := loopInBackground(t, registry.Socket("x"), 3)
	check(t, registry.Close())
	close(handled)
	expectError(t, within(t, "the end of the loop", ends), ErrClosed)
}

func TestLoopsOfOneMessageEachGetThemAll(t *testing.T) {
	t.Parallel()
	socket := socketWith(t, startPatientServer(t).connect(nil), nil, 20)
	for n := 1; n <= 20; n++ {
		for message, err := range socket.Messages(testContext(t), nil) {
			check(t, err)
			expect(t, "message", fmt.Sprint(message.Content, "/", message.DeliveryAttempt), fmt.Sprint(n, "/", 1))
			check(t, message.Ack(testContext(t)))
			break
		}
	}
	untilEmpty(t, socket)
}

func TestTheFeedOfAConsumerIsReleased(t *testing.T) {
	t.Parallel()
	registry := startPatientServer(t).connect(nil)
	socket := socketWith(t, registry, nil, 0)
	options := &MessagesOptions{Consumer: "auditor", MaxOutstanding: 3, After: &v1.Position{}}
	for n := 1; n <= 3; n++ {
		_, err := socket.Say(testContext(t), fmt.Sprint(n), nil)
		check(t, err)
	}
	for n := 1; n <= 3; n++ {
		for message, err := range registry.Team().Messages(testContext(t), options) {
			check(t, err)
			expect(t, "message", fmt.Sprint(message.Content, "/", message.DeliveryAttempt), fmt.Sprint(n, "/", 1))
			check(t, message.Ack(testContext(t)))
			break
		}
		options.After = nil
	}
}

func TestALoopHasOneNameAndIsReleasedOnce(t *testing.T) {
	t.Parallel()
	away := status.Error(codes.Unavailable, "away")
	refusal := status.Error(codes.FailedPrecondition, "not released")
	s, registry := startScripted(t, refusal, reading{isStarted: true, end: away}, reading{end: away}, reading{isStarted: true})
	ctx, cancel := context.WithCancel(testContext(t))
	ends := make(chan error, 1)
	go func() {
		for _, err := range registry.Socket("x").Messages(ctx, nil) {
			ends <- err
		}
	}()
	name := within(t, "a Read", s.readers)
	expect(t, "length of the name", len(name), 36)
	for range 2 {
		expect(t, "name", within(t, "another Read", s.readers), name)
	}
	expect(t, "releases of a loop that goes on", len(s.released), 0)
	cancel()
	// A release that fails is nobody's business.
	expect(t, "the end", within(t, "the end", ends), error(context.Canceled))
	expect(t, "releases", len(s.released), 1)
	expect(t, "released", <-s.released, name)
}

func TestALoopThatLeavesBeforeItIsAnsweredIsReleased(t *testing.T) {
	t.Parallel()
	s, registry := startScripted(t, nil, reading{})
	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		s.readers <- within(t, "a Read", s.readers)
		cancel()
	}()
	for _, err := range registry.Socket("x").Messages(ctx, nil) {
		expectError(t, err, context.Canceled)
	}
	expect(t, "releases", len(s.released), 1)
	expect(t, "released", <-s.released, <-s.readers)
}

func TestALoopWithNothingToReleaseDoesNotCall(t *testing.T) {
	t.Parallel()
	for name, only := range map[string]reading{
		"no such socket": {end: refusalFor(t, codes.NotFound, ReasonSocketNotFound)},
		"a deleted one":  {isStarted: true, end: refusalFor(t, codes.NotFound, ReasonSocketDeleted)},
		"a refused Read": {end: refusalFor(t, codes.InvalidArgument, ReasonInvalidField)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, registry := startScripted(t, nil, only)
			for _, err := range registry.Socket("x").Messages(testContext(t), nil) {
				expect(t, "is refused", ReasonOf(err) != "", true)
			}
			expect(t, "releases", len(s.released), 0)
		})
	}
}
