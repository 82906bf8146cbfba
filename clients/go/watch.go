package socketregistry

import (
	"context"
	"iter"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc"
)

// WatchOptions say which changes to watch.
type WatchOptions struct {
	// AfterRevision: only the changes after it. Zero: a snapshot first, then SYNCED, then the changes.
	AfterRevision uint64
	// SocketID: only this socket, which need not exist. Empty: all.
	SocketID string
}

// Watch gives the registry's changes in order of revision, until its context ends. When the server is started again it goes on
// after the last revision; a snapshot that broke before SYNCED begins anew.
//
//	for change, err := range registry.Watch(ctx, nil) { ... }
//
// Errors, each the last of its loop: POSITION_LOST when changes after the revision are no longer there; READER_LIMIT,
// INVALID_SOCKET_ID.
func (r *Registry) Watch(ctx context.Context, options *WatchOptions) iter.Seq2[*v1.WatchResponse, error] {
	o := valueOf(options)
	return func(yield func(*v1.WatchResponse, error) bool) {
		request := &v1.WatchRequest{
			AfterRevision: o.AfterRevision, SocketId: o.SocketID, HeartbeatInterval: heartbeat(),
		}
		changes := followed[v1.WatchResponse]{
			registry: r,
			doing:    "watching",
			open: func(ctx context.Context) (grpc.ServerStreamingClient[v1.WatchResponse], error) {
				return r.stub.Watch(ctx, request)
			},
		}
		defer changes.close()
		isSynced := o.AfterRevision > 0
		for {
			change, err := changes.next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			isSynced = isSynced || change.GetType() == v1.WatchEventType_WATCH_EVENT_TYPE_SYNCED
			if isSynced {
				request.AfterRevision = change.GetRevision()
			}
			if change.GetType() == v1.WatchEventType_WATCH_EVENT_TYPE_HEARTBEAT {
				continue
			}
			if !yield(change, nil) {
				return
			}
		}
	}
}
