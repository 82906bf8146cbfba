package socketregistry

import (
	"context"
	"io"
	"runtime"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type writeStream = grpc.BidiStreamingClient[v1.WriteStreamRequest, v1.WriteStreamResponse]

// run writes on one call after the other, to the end.
func (w *Writer) run() {
	defer close(w.done)
	defer w.cancel()
	var err error
	for err == nil && w.hasMore() {
		err = w.recover(w.call())
	}
	w.mutex.Lock()
	if err != nil {
		w.end(err)
		w.unanswered = w.outbox.count()
		w.fail(err)
	}
	w.mutex.Unlock()
	w.registry.mutex.Lock()
	defer w.registry.mutex.Unlock()
	delete(w.registry.writers, w)
}

// hasMore waits for something to send. False: there will be none.
func (w *Writer) hasMore() bool {
	for {
		w.mutex.Lock()
		hasMore, isClosed := w.outbox.count() > 0, w.closed != nil
		w.mutex.Unlock()
		if hasMore || isClosed {
			return hasMore
		}
		select {
		case <-w.changed:
		case <-w.ctx.Done():
			w.stop(ended(w.ctx))
		}
	}
}

// call writes on one call until that ends.
func (w *Writer) call() error {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	stream, err := w.registry.stub.WriteStream(ctx)
	if err != nil {
		return err
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		w.send(ctx, stream)
	}()
	err = w.receive(stream)
	cancel()
	<-sent
	return err
}

// send sends what waits, frame by frame, as the transport takes it. Why it fails is told where it is received.
func (w *Writer) send(ctx context.Context, stream writeStream) {
	for {
		// Who writes at the same moment gets into the same frame.
		runtime.Gosched()
		w.mutex.Lock()
		frame, isClosed := w.outbox.takeFrame(), w.closed != nil
		w.mutex.Unlock()
		switch {
		case frame != nil:
			if stream.Send(frame) != nil {
				return
			}
		case isClosed:
			_ = stream.CloseSend()
			return
		default:
			select {
			case <-w.changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (w *Writer) receive(stream writeStream) error {
	for {
		frame, err := stream.Recv()
		w.mutex.Lock()
		if err == nil {
			w.settle(frame.GetResults())
		} else if err == io.EOF && w.outbox.count() > 0 {
			err = &Error{Code: codes.Unavailable, Message: "the stream ended"}
		}
		w.mutex.Unlock()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// settle answers the oldest writes. It is called under the mutex.
func (w *Writer) settle(results []*v1.WriteStreamResult) {
	for _, result := range results {
		if write := w.outbox.takeSent(); write != nil {
			w.answer(write, result.GetResponse(), translate(w.ctx, status.ErrorProto(result.GetError())))
		}
	}
	w.failures, w.answeredAt = 0, time.Now()
	if w.outbox.hasRoom() {
		w.tellOfRoom()
	}
}

// recover waits after a call that broke, and lets what is not answered wait again, or fail where there is no use in that. It
// returns the error of everything, when that is to end.
func (w *Writer) recover(err error) error {
	switch {
	case err == nil:
		return nil
	case w.registry.open.Err() != nil && (w.ctx.Err() != nil || w.registry.life.Err() != nil):
		return ErrClosed
	case w.ctx.Err() != nil:
		return ended(w.ctx)
	}
	w.mutex.Lock()
	isLost := !isBroken(err) || time.Since(w.answeredAt) > w.patience
	switch {
	case w.outbox.count() == 0:
		w.mutex.Unlock()
		return nil
	case isLost:
		w.failures = 0
		w.fail(err)
		w.mutex.Unlock()
		return nil
	}
	w.failures++
	w.outbox.takeBack()
	pause := pauseAfter(w.failures, reopenPauseMax)
	w.mutex.Unlock()
	w.registry.log.Warn("the stream broke", "doing", "writing", "error", err, "again_in", pause)
	sleep(w.ctx, pause)
	return nil
}
