package socketregistry

import (
	"context"
	"errors"
	"testing"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

func TestAnAgentTakesTheSocketThatIsThere(t *testing.T) {
	t.Parallel()
	registry := startServer(t).connect(nil)
	ctx := testContext(t)
	socket, err := registry.Create(ctx, &CreateOptions{SocketID: "x", Model: "old", Prompt: "kept"})
	check(t, err)
	_, err = socket.MarkInactive(ctx, "")
	check(t, err)
	ended := make(chan error, 1)
	go func() {
		ended <- registry.Agent(ctx, "x", func(context.Context, *Message) (string, error) { return "", nil },
			&AgentOptions{Model: "new", Context: map[string]any{"n": 1, "none": nil}, Lease: time.Minute})
	}()
	eventually(t, "an agent that is there", func() bool {
		info, err := socket.Info(ctx)
		check(t, err)
		return info.ReaderCount == 1 && info.State == v1.SocketState_SOCKET_STATE_ACTIVE
	})
	info, err := socket.Info(ctx)
	check(t, err)
	expect(t, "model", info.Model, "new")
	expect(t, "prompt", info.Prompt, "kept")
	expect(t, "context", info.Context["n"], any(1.0))
	none, isThere := info.Context["none"]
	expect(t, "null", none == nil && isThere, true)
	expect(t, "lease", info.Config.LeaseDuration.AsDuration(), time.Minute)
	expect(t, "accept_when_away", info.Config.GetAcceptWhenAway(), true)
	_, err = socket.Delete(ctx, nil)
	check(t, err)
	check(t, within(t, "the end of the agent", ended))
}

func TestAnAgentThatIsStoppedFinishesWhatItIsAt(t *testing.T) {
	t.Parallel()
	registry := startServer(t).connect(nil)
	outcomes := map[string]struct {
		err    error
		waits  string
		answer int
	}{
		"it answers":  {nil, "", 1},
		"it gives up": {errors.New("stopped"), "hello/2", 0},
	}
	for id, expected := range map[string]string{"a": "it answers", "b": "it gives up"} {
		ctx, cancel := context.WithCancel(testContext(t))
		socket, err := registry.Create(ctx, &CreateOptions{SocketID: id})
		check(t, err)
		_, err = socket.Write(ctx, "hello", &WriteOptions{Sender: "me"})
		check(t, err)
		err = registry.Agent(ctx, id, func(ctx context.Context, _ *Message) (string, error) {
			cancel()
			<-ctx.Done()
			return "hello to you", outcomes[expected].err
		}, nil)
		expectError(t, err, context.Canceled)
		info, err := socket.Info(testContext(t))
		check(t, err)
		expect(t, "state", info.State, v1.SocketState_SOCKET_STATE_INACTIVE)
		expect(t, expected, contents(t, socket), outcomes[expected].waits)
		said, err := registry.Team().Drain(testContext(t))
		check(t, err)
		expect(t, expected, len(said), outcomes[expected].answer)
	}
}
