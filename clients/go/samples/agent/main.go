// The shortest program that is an AI in the team: it answers every message, and ends on SIGINT, on SIGTERM, and when its
// socket is deleted.
//
//	agent [id]

// section: agent
package main

import (
	"cmp"
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	socketregistry "github.com/ai-socket-registry/clients/go"
)

func main() {
	id := append(os.Args, "apollo")[1]
	registry, err := socketregistry.Connect(cmp.Or(os.Getenv("SOCKET_REGISTRY_ADDRESS"), "127.0.0.1:50051"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	// Ask your model here. What is returned is the answer; an error gives the message back.
	answer := func(ctx context.Context, message *socketregistry.Message) (string, error) {
		return id + " read: " + message.Content, nil
	}
	if err := registry.Agent(ctx, id, answer, nil); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

// end: agent
