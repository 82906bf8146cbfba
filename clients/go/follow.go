package socketregistry

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	heartbeatInterval = 15 * time.Second
	// A stream that owes three heartbeats is broken, whatever its connection says.
	silenceMax = 3 * heartbeatInterval
)

func heartbeat() *durationpb.Duration { return durationpb.New(heartbeatInterval) }

// followed is a stream that goes on: when the server stops or the connection breaks, it waits and opens the next one. It
// belongs to one goroutine.
type followed[Frame any] struct {
	registry *Registry
	// doing is for people, as `reading apollo`.
	doing string
	// open opens a stream where the one before broke.
	open func(context.Context) (grpc.ServerStreamingClient[Frame], error)
	// isOver says whether to give up on a break. Nil: never.
	isOver func() bool
	// hasEnd says that OK is the end, and that nothing may come for long. Otherwise a stream has heartbeats, and no end.
	hasEnd bool

	stream   grpc.ServerStreamingClient[Frame]
	cancel   context.CancelFunc
	silence  *time.Timer
	failures int
}

// next is the next frame. It fails with what the context ended with, with ErrClosed, or with what waiting cannot mend; with
// io.EOF where the stream has an end.
func (f *followed[Frame]) next(ctx context.Context) (*Frame, error) {
	for {
		frame, err := f.receive(ctx)
		if err == nil {
			f.failures = 0
			return frame, nil
		}
		f.close()
		switch {
		case ctx.Err() != nil:
			return nil, ended(ctx)
		case f.registry.open.Err() != nil:
			return nil, ErrClosed
		case err == io.EOF && f.hasEnd:
			return nil, err
		case err == io.EOF:
			err = &Error{Code: codes.Unavailable, Message: "the stream ended"}
		case errors.Is(err, context.Canceled):
			err = &Error{Code: codes.Unavailable, Message: "the stream was silent for too long"}
		case !isBroken(err):
			return nil, err
		}
		if f.isOver != nil && f.isOver() {
			return nil, err
		}
		f.failures++
		pause := pauseAfter(f.failures, reopenPauseMax)
		f.registry.log.Warn("the stream broke", "doing", f.doing, "error", err, "again_in", pause)
		waiting, stop := f.registry.whileOpen(ctx)
		sleep(waiting, pause)
		stop()
	}
}

func (f *followed[Frame]) receive(ctx context.Context) (*Frame, error) {
	if f.stream == nil {
		bound, cancel := f.registry.whileOpen(ctx)
		f.cancel = cancel
		f.silence = time.AfterFunc(silenceMax, cancel)
		stream, err := f.open(bound)
		if err != nil {
			return nil, err
		}
		f.stream = stream
	}
	if f.hasEnd {
		f.silence.Stop()
		return f.stream.Recv()
	}
	// Only waiting is measured, not what is done between two frames.
	f.silence.Reset(silenceMax)
	defer f.silence.Stop()
	return f.stream.Recv()
}

// close ends the call. It may be opened again by next.
func (f *followed[Frame]) close() {
	if f.cancel != nil {
		f.silence.Stop()
		f.cancel()
		f.cancel, f.stream = nil, nil
	}
}
