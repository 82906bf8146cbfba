package socketregistry

import (
	"context"
	"iter"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// ListOptions narrow a listing.
type ListOptions struct {
	// States: only sockets in one of them. Empty: all.
	States []v1.SocketState
	// Labels: only sockets that have all of them.
	Labels map[string]string
	// Model: only sockets of exactly this one. Empty: all.
	Model string
	// PageSize is how many one call fetches. Default 50, at most 1,000.
	PageSize uint32
}

// List gives the sockets, the team first, then in order of creation, without prompt and context. Pages are fetched as the loop
// comes to them.
//
//	for socket, err := range registry.List(ctx, nil) { ... }
//
// Errors, each the last of its loop: INVALID_FIELD.
func (r *Registry) List(ctx context.Context, options *ListOptions) iter.Seq2[*Info, error] {
	o := valueOf(options)
	return func(yield func(*Info, error) bool) {
		request := &v1.ListSocketsRequest{States: o.States, Labels: o.Labels, Model: o.Model, PageSize: o.PageSize}
		for {
			page, err := r.stub.ListSockets(ctx, request)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, socket := range page.GetSockets() {
				if !yield(infoOf(socket), nil) {
					return
				}
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				return
			}
		}
	}
}
