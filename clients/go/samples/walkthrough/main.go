// Everything the client can do, once: clients/walkthrough.txt is what it prints, and the README shows its sections.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
)

// section: connect
import socketregistry "github.com/ai-socket-registry/clients/go"

func connect() (*socketregistry.Registry, error) {
	return socketregistry.Connect(cmp.Or(os.Getenv("SOCKET_REGISTRY_ADDRESS"), "127.0.0.1:50051"), nil)
}

// end: connect

func main() {
	registry, err := connect()
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(walk(context.Background(), registry), registry.Close()); err != nil {
		log.Fatal(err)
	}
}

func walk(ctx context.Context, registry *socketregistry.Registry) error {
	for _, id := range []string{"apollo", "athena"} {
		if _, err := registry.Socket(id).Delete(ctx, &socketregistry.DeleteOptions{AllowMissing: true}); err != nil {
			return err
		}
	}
	if _, err := registry.Team().Drain(ctx); err != nil {
		return err
	}

	// section: create
	apollo, err := registry.Create(ctx, &socketregistry.CreateOptions{
		SocketID:   "apollo",
		Model:      "claude-3",
		Prompt:     "You are Apollo",
		Context:    map[string]any{"role": "predictor"},
		OnConflict: socketregistry.UseExisting,
	})
	if err != nil {
		return err
	}
	athena, err := registry.Create(ctx, &socketregistry.CreateOptions{
		SocketID:   "athena",
		Model:      "gpt-4",
		Prompt:     "You are Athena",
		Context:    map[string]any{"role": "knowledge"},
		OnConflict: socketregistry.UseExisting,
	})
	if err != nil {
		return err
	}
	fmt.Println("created", apollo.ID(), "and", athena.ID())
	// end: create

	// section: write
	written, err := apollo.Write(ctx, "What's your prediction?", &socketregistry.WriteOptions{
		Sender:   "me",
		Metadata: map[string]any{"priority": "high"},
	})
	if err != nil {
		return err
	}
	fmt.Println("delivered to", written.DeliveredCount)
	// end: write

	// section: bulk
	writer, err := registry.Writer(ctx, nil)
	if err != nil {
		return err
	}
	signed := &socketregistry.WriteOptions{Sender: "me"}
	for n := range 1_000 {
		// What it returns can be waited for, like the answer of a single write.
		if _, err := writer.Write(ctx, "athena", fmt.Sprint("line ", n), signed); err != nil {
			return err
		}
	}
	// Everything is answered then; the first refusal would be told here.
	if err := writer.Close(); err != nil {
		return err
	}
	// end: bulk
	if _, err := athena.Drain(ctx); err != nil {
		return err
	}

	// section: drain
	messages, err := apollo.Drain(ctx)
	if err != nil {
		return err
	}
	for _, message := range messages {
		fmt.Printf("%s %s (priority: %s)\n", message.Header, message.Content, message.Metadata["priority"])
	}
	// end: drain

	// section: messages
	for _, job := range []string{"job 1", "job 2"} {
		if _, err := apollo.Write(ctx, job, &socketregistry.WriteOptions{Sender: "me"}); err != nil {
			return err
		}
	}
	for message, err := range apollo.Messages(ctx, nil) {
		if err != nil {
			return err
		}
		fmt.Printf("%s, attempt %d\n", message.Content, message.DeliveryAttempt)
		if message.Content == "job 1" && message.DeliveryAttempt == 1 {
			// It failed. Given back without a delay, it is the next one again.
			if err := message.Nack(ctx, 0); err != nil {
				return err
			}
		}
		if message.Content == "job 2" {
			// Going on acknowledges; who leaves says so.
			if err := message.Ack(ctx); err != nil {
				return err
			}
			break
		}
	}
	// end: messages

	// section: broadcast
	question, err := registry.Broadcast(ctx, "How can we optimize our system?", nil)
	if err != nil {
		return err
	}
	fmt.Println("asked", question.DeliveredCount)

	answers := map[string]string{"apollo": "Measure first.", "athena": "Cache what is asked twice."}
	for _, agent := range []*socketregistry.Socket{apollo, athena} {
		if _, err := agent.Drain(ctx); err != nil {
			return err
		}
		if _, err := agent.Say(ctx, answers[agent.ID()], nil); err != nil {
			return err
		}
	}
	// end: broadcast

	// section: feed
	said, err := registry.Team().Drain(ctx)
	if err != nil {
		return err
	}
	for _, message := range said {
		fmt.Println(message.Header, message.Content)
	}
	// end: feed

	// section: ask
	working, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() {
		stopped <- registry.Agent(working, "apollo", func(context.Context, *socketregistry.Message) (string, error) {
			return "4", nil
		}, nil)
	}()

	asked, err := registry.Ask(ctx, "2 + 2?", &socketregistry.AskOptions{SocketID: "apollo", Sender: "me"})
	if err != nil {
		return err
	}
	for reply, err := range asked.Replies() {
		if err != nil {
			return err
		}
		fmt.Println(reply.Sender, "answered:", reply.Content)
	}
	// The agent finishes what it is at, and leaves: its socket is inactive, and collects mail.
	stop()
	<-stopped
	// end: ask

	// section: errors
	_, err = registry.Socket("nobody").Write(ctx, "Anybody?", nil)
	var refused *socketregistry.Error
	if errors.As(err, &refused) && refused.Reason == socketregistry.ReasonSocketNotFound {
		fmt.Printf("%s: %s\n", refused.Reason, refused.Metadata["socket_id"])
	}
	// end: errors

	// section: watch
	for change, err := range registry.Watch(ctx, &socketregistry.WatchOptions{SocketID: "apollo"}) {
		if err != nil {
			return err
		}
		event := strings.ToLower(strings.TrimPrefix(change.Type.String(), "WATCH_EVENT_TYPE_"))
		fmt.Println(event)
		if event == "synced" {
			if _, err := apollo.Delete(ctx, nil); err != nil {
				return err
			}
		}
		if event == "deleted" {
			break
		}
	}
	// end: watch

	_, err = athena.Delete(ctx, nil)
	return err
}
