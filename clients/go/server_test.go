package socketregistry

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// patience is how long a test waits for what must happen.
const patience = 40 * time.Second

// server is a real one, in a process of its own, which can be killed and started again on its port and its data.
type server struct {
	t         *testing.T
	address   string
	arguments []string
	command   *exec.Cmd
}

func startServer(t *testing.T, settings ...string) *server {
	t.Helper()
	main, err := filepath.Abs("../../dist/src/main.js")
	if err == nil {
		_, err = os.Stat(main)
	}
	if err != nil {
		t.Fatalf("there is no server to test with (%v): run `npm ci && npm run build` in the repository", err)
	}
	s := &server{t: t, address: freeAddress(t)}
	s.arguments = append([]string{main, "--listen", s.address, "--data-dir", t.TempDir(), "--durability", "os"}, settings...)
	s.start()
	t.Cleanup(s.kill)
	return s
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// start returns when the server serves.
func (s *server) start() {
	s.t.Helper()
	s.command = exec.Command("node", s.arguments...)
	logs, err := s.command.StderrPipe()
	check(s.t, err)
	check(s.t, s.command.Start())
	// To the end: a server whose log nobody reads stands still.
	isServing := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(logs)
		for lines.Scan() {
			var line struct{ Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && strings.Contains(line.Address, ":") {
				isServing <- true
			}
		}
		close(isServing)
	}()
	if !within(s.t, "the start of the server", isServing) {
		s.t.Fatal("the server ended")
	}
}

// kill is kill -9, or a power loss of the machine.
func (s *server) kill() {
	if s.command != nil {
		_ = s.command.Process.Kill()
		_ = s.command.Wait()
		s.command = nil
	}
}

func (s *server) signal(signal syscall.Signal) {
	s.t.Helper()
	check(s.t, s.command.Process.Signal(signal))
}

// connect gives a client, which is closed at the end of the test.
func (s *server) connect(options *ConnectOptions) *Registry {
	s.t.Helper()
	registry, err := Connect(s.address, options)
	check(s.t, err)
	s.t.Cleanup(func() { _ = registry.Close() })
	return registry
}

// socketWith makes a socket with so many messages, `1` and on.
func socketWith(t *testing.T, registry *Registry, config *v1.SocketConfig, count int) *Socket {
	t.Helper()
	socket, err := registry.Create(testContext(t), &CreateOptions{SocketID: "x", Config: config})
	check(t, err)
	for n := 1; n <= count; n++ {
		_, err := socket.Write(testContext(t), fmt.Sprint(n), nil)
		check(t, err)
	}
	return socket
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	t.Cleanup(cancel)
	return ctx
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect[T comparable](t *testing.T, what string, actual, expected T) {
	t.Helper()
	if actual != expected {
		t.Fatalf("%s: %v, and not %v", what, actual, expected)
	}
}

func expectError(t *testing.T, actual, expected error) {
	t.Helper()
	if !errors.Is(actual, expected) {
		t.Fatalf("%v, and not %v", actual, expected)
	}
}

// within is what comes out of a channel, in time.
func within[T any](t *testing.T, what string, values <-chan T) T {
	t.Helper()
	select {
	case value := <-values:
		return value
	case <-time.After(patience):
		t.Fatalf("%s: not within %s", what, patience)
		panic("unreachable")
	}
}

// eventually looks again until something is so.
func eventually(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for start := time.Now(); !isSo(); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// contents are what waits, with the attempts: `1/2` is the second attempt of message 1.
func contents(t *testing.T, socket *Socket) string {
	t.Helper()
	messages, err := socket.Drain(testContext(t))
	check(t, err)
	var texts []string
	for _, message := range messages {
		texts = append(texts, fmt.Sprintf("%s/%d", message.Content, message.DeliveryAttempt))
	}
	return strings.Join(texts, " ")
}

// untilEmpty waits until nothing waits, is in flight or is parked.
func untilEmpty(t *testing.T, socket *Socket) {
	t.Helper()
	eventually(t, "an empty queue", func() bool {
		info, err := socket.Info(testContext(t))
		check(t, err)
		return info.QueueSize == 0 && info.InFlightCount == 0 && info.ParkedCount == 0
	})
}

// passTime waits for the server's clock: for the end of a question that nobody answers.
func passTime(t *testing.T, registry *Registry, time time.Duration) {
	t.Helper()
	_, err := registry.Create(testContext(t), &CreateOptions{SocketID: "silent", OnConflict: UseExisting})
	check(t, err)
	question, err := registry.Ask(testContext(t), "?", &AskOptions{SocketID: "silent", Timeout: time})
	check(t, err)
	_, err = question.Collect()
	check(t, err)
}
