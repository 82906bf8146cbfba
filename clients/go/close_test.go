package socketregistry

import (
	"context"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCloseWaitsUntilTheServerKnows(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	other := server.connect(nil)
	socket := socketWith(t, other, nil, 10)
	registry := server.connect(nil)
	ends, handled := loopInBackground(t, registry.Socket("x"), 10)
	server.signal(syscall.SIGSTOP)
	// Asking for the eleventh acknowledges the tenth, of which a server that stands still learns nothing.
	close(handled)
	eventually(t, "something to tell", func() bool { return countPending(registry) == 10 })
	closed := make(chan error, 1)
	go func() { closed <- registry.Close() }()
	<-registry.open.Done()
	server.signal(syscall.SIGCONT)
	check(t, within(t, "the end of Close", closed))
	expectError(t, within(t, "the end of the loop", ends), ErrClosed)
	info, err := socket.Info(testContext(t))
	check(t, err)
	expect(t, "messages left", info.QueueSize, 0)
	_, err = registry.Socket("x").Info(testContext(t))
	expectError(t, err, ErrClosed)
	_, err = registry.Socket("x").Drain(testContext(t))
	expectError(t, err, ErrClosed)
}

func TestCloseSaysWhatItCouldNotTell(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	socketWith(t, server.connect(nil), nil, 3)
	registry := server.connect(nil)
	ends, handled := loopInBackground(t, registry.Socket("x"), 3)
	server.kill()
	close(handled)
	eventually(t, "something to tell", func() bool { return countPending(registry) == 3 })
	err := registry.Close()
	if err == nil || !strings.Contains(err.Error(), "3 messages of x") {
		t.Fatalf("%v does not say what is lost", err)
	}
	within(t, "the end of the loop", ends)
	check(t, registry.Close())
}

// loopInBackground has so many messages delivered. Their bodies return when the channel is closed; the error with which the
// loop then ends comes out of the other one.
func loopInBackground(t *testing.T, socket *Socket, count uint32) (<-chan error, chan<- struct{}) {
	ends, mayReturn, isThere := make(chan error, 1), make(chan struct{}), make(chan struct{})
	go func() {
		for _, err := range socket.Messages(context.Background(), &MessagesOptions{MaxOutstanding: count}) {
			if err != nil {
				ends <- err
				return
			}
			select {
			case <-isThere:
			default:
				close(isThere)
			}
			<-mayReturn
		}
	}()
	within(t, "a message", isThere)
	eventually(t, "all messages", func() bool {
		info, err := socket.Info(testContext(t))
		check(t, err)
		return info.InFlightCount == count
	})
	return ends, mayReturn
}

// countPending is how many messages the server is to be told of.
func countPending(registry *Registry) int {
	registry.mutex.Lock()
	defer registry.mutex.Unlock()
	count := 0
	for loop := range registry.loops {
		loop.deliveries.mutex.Lock()
		count += len(loop.deliveries.pending)
		loop.deliveries.mutex.Unlock()
	}
	return count
}

// It is not parallel: it looks at all goroutines of the program.
func TestNothingRunsAfterClose(t *testing.T) {
	server := startServer(t)
	registry, err := Connect(server.address, nil)
	check(t, err)
	ctx, cancel := context.WithCancel(testContext(t))
	socket := socketWith(t, registry, nil, 4)
	for range socket.Messages(ctx, nil) {
		break
	}
	for range registry.Watch(ctx, nil) {
		break
	}
	for range socket.Messages(ctx, &MessagesOptions{Mode: None}) {
		break
	}
	_, err = registry.Ask(ctx, "Never ranged over?", &AskOptions{SocketID: "x"})
	check(t, err)
	expect(t, "running loops", len(registry.loops), 0)
	// What is under way when the connection is closed.
	ends := make(chan error, 3)
	go func() {
		for _, err := range socket.Messages(ctx, nil) {
			if err != nil {
				ends <- err
			}
		}
	}()
	go func() {
		for _, err := range registry.Watch(ctx, nil) {
			if err != nil {
				ends <- err
			}
		}
	}()
	go func() {
		ends <- registry.Agent(ctx, "y", func(context.Context, *Message) (string, error) { return "", nil }, nil)
	}()
	eventually(t, "two readers", func() bool {
		x, err := socket.Info(ctx)
		check(t, err)
		y, err := registry.Socket("y").Info(ctx)
		return err == nil && x.ReaderCount == 1 && y.ReaderCount == 1
	})
	check(t, registry.Close())
	for range 3 {
		expectError(t, within(t, "an end", ends), ErrClosed)
	}
	cancel()
	eventually(t, "the end of every goroutine", func() bool { return len(ourGoroutines()) == 0 })
}

// ourGoroutines are those of this client and of gRPC, but for the tests.
func ourGoroutines() []string {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var ours []string
	for _, stack := range strings.Split(string(stacks), "\n\n") {
		isClient := strings.Contains(stack, "clients/go.(") || strings.Contains(stack, "google.golang.org/grpc")
		isTest := strings.Contains(stack, "testing.tRunner") || strings.Contains(stack, "(*server).start")
		if isClient && !isTest {
			ours = append(ours, stack)
		}
	}
	return ours
}

func TestWhatIsUnderWayEndsInTime(t *testing.T) {
	t.Parallel()
	// An address at which nobody answers.
	registry, err := Connect(freeAddress(t), &ConnectOptions{Timeout: 300 * time.Millisecond})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- registry.Agent(ctx, "x", func(context.Context, *Message) (string, error) { return "", nil }, nil)
	}()
	_, err = registry.ServerInfo(testContext(t))
	expect(t, "nobody answered", isUnanswered(err), true)
	cancel()
	expectError(t, within(t, "the end of an agent", ended), context.Canceled)
	check(t, registry.Close())
}
