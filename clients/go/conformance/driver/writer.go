package main

import (
	"context"

	socketregistry "github.com/ai-socket-registry/clients/go"
	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// writeStream hands everything to a writer, and tells the answers as they come.
func (d *driver) writeStream(ctx context.Context, r *run) (any, error) {
	args := &v1.WriteStreamRequest{}
	if err := protojson.Unmarshal(r.args, args); err != nil {
		return nil, err
	}
	writer, err := d.registry.Writer(ctx, nil)
	if err != nil {
		return nil, err
	}
	writes := make(chan *socketregistry.PendingWrite, len(args.GetWrites()))
	told := make(chan error, 1)
	go func() { told <- tell(ctx, r, writes) }()
	for _, request := range args.GetWrites() {
		var write *socketregistry.PendingWrite
		write, err = writer.Write(ctx, request.GetSocketId(), request.GetMessage(), writeOptions(request))
		if err != nil {
			break
		}
		writes <- write
	}
	close(writes)
	// Refusals are told one by one.
	_ = writer.Close()
	if failure := <-told; err == nil {
		err = failure
	}
	return struct{}{}, err
}

// tell says what becomes of each write, in their order.
func tell(ctx context.Context, r *run, writes <-chan *socketregistry.PendingWrite) error {
	for write := range writes {
		response, err := write.Wait(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.item(map[string]any{"error": errorJSON(err)})
			continue
		}
		text, err := toJSON(response)
		if err != nil {
			return err
		}
		r.item(map[string]any{"response": text})
	}
	return nil
}
