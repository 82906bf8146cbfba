package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	socketregistry "github.com/ai-socket-registry/clients/go"
)

// settling lets a body of a loop go on.
type settling struct {
	ID       int64  `json:"id"`
	Sequence string `json:"sequence"`
	Outcome  string `json:"outcome"`
}

func (d *driver) drain(ctx context.Context, r *run) (any, error) {
	var args struct {
		SocketID string `json:"socket_id"`
	}
	if err := json.Unmarshal(r.args, &args); err != nil {
		return nil, err
	}
	drained, err := d.registry.Socket(args.SocketID).Drain(ctx)
	if err != nil {
		return nil, err
	}
	messages := make([]json.RawMessage, 0, len(drained))
	for _, message := range drained {
		text, err := toJSON(message.Message)
		if err != nil {
			return nil, err
		}
		messages = append(messages, text)
	}
	return map[string]any{"messages": messages}, nil
}

func (d *driver) messages(ctx context.Context, r *run) (any, error) {
	var args struct {
		SocketID       string `json:"socket_id"`
		Consumer       string `json:"consumer"`
		MaxOutstanding uint32 `json:"max_outstanding"`
		Count          int    `json:"count"`
		Manual         bool   `json:"manual"`
	}
	if err := json.Unmarshal(r.args, &args); err != nil {
		return nil, err
	}
	options := &socketregistry.MessagesOptions{Consumer: args.Consumer, MaxOutstanding: args.MaxOutstanding}
	handled := 0
	for message, err := range d.registry.Socket(args.SocketID).Messages(ctx, options) {
		if err != nil {
			return nil, err
		}
		text, err := toJSON(message.Message)
		if err != nil {
			return nil, err
		}
		r.item(map[string]any{"message": text})
		if args.Manual {
			outcome, err := r.outcomeOf(ctx, message)
			if err != nil {
				return nil, err
			}
			if outcome == "throw" {
				if err := message.Nack(ctx, 0); err != nil {
					return nil, err
				}
				continue
			}
		}
		if handled++; handled == args.Count {
			if err := message.Ack(ctx); err != nil {
				return nil, err
			}
			break
		}
	}
	return map[string]any{"handled": handled}, nil
}

// outcomeOf waits until somebody says how the body is to end.
func (r *run) outcomeOf(ctx context.Context, message *socketregistry.Message) (string, error) {
	for {
		select {
		case s := <-r.outcomes:
			if s.Sequence == strconv.FormatUint(message.GetSequence(), 10) {
				return s.Outcome, nil
			}
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (d *driver) settle(_ context.Context, r *run) (any, error) {
	var args settling
	if err := json.Unmarshal(r.args, &args); err != nil {
		return nil, err
	}
	loop, err := d.find(args.ID)
	if err != nil {
		return nil, err
	}
	loop.outcomes <- args
	return struct{}{}, nil
}

func (d *driver) agent(ctx context.Context, r *run) (any, error) {
	var args struct {
		SocketID string `json:"socket_id"`
		Model    string `json:"model"`
		Answer   string `json:"answer"`
	}
	if err := json.Unmarshal(r.args, &args); err != nil {
		return nil, err
	}
	handler := func(_ context.Context, message *socketregistry.Message) (string, error) {
		content, attempt := message.GetContent(), message.GetDeliveryAttempt()
		r.item(map[string]any{"content": content, "attempt": attempt})
		if strings.HasPrefix(content, "fail") && attempt == 1 {
			return "", fmt.Errorf("failed on %s", content)
		}
		return args.Answer + " " + content, nil
	}
	err := d.registry.Agent(ctx, args.SocketID, handler, &socketregistry.AgentOptions{Model: args.Model})
	switch {
	case err == nil:
		return map[string]any{"ended": "deleted"}, nil
	case errors.Is(err, context.Canceled):
		return map[string]any{"ended": "left"}, nil
	default:
		return nil, err
	}
}

func (d *driver) cancel(_ context.Context, r *run) (any, error) {
	var args struct {
		ID int64 `json:"id"`
	}
	if err := json.Unmarshal(r.args, &args); err != nil {
		return nil, err
	}
	if under, err := d.find(args.ID); err == nil {
		under.cancel()
	}
	return struct{}{}, nil
}
