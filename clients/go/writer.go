package socketregistry

import (
	"context"
	"fmt"
	"sync"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// WriterOptions say how a [Writer] writes.
type WriterOptions struct {
	// Patience is how long to go on without an answer while the server is away, or cannot store anything; then all that is not
	// answered fails. Zero: 5 minutes. It must be less than the server remembers request ids, which is 10 minutes.
	Patience time.Duration
}

const patienceDefault = 5 * time.Minute

// Writer writes many messages on one call, and many in one frame. Each is a write in every respect; they are appended in the
// order in which they were written, and one that is refused holds up no other. When the server is started again, what was not
// answered is written again, in its order and once.
//
// It is safe for concurrent use, and has to be closed.
type Writer struct {
	registry *Registry
	patience time.Duration
	ctx      context.Context
	cancel   context.CancelFunc

	mutex  sync.Mutex
	outbox outbox
	// Why nothing more is taken, and the first that a write failed with.
	closed, failure error
	// How many writes were given up.
	unanswered int
	// How many attempts have failed since the last answer, and when that was.
	failures   int
	answeredAt time.Time
	// Closed, and made anew, when those who wait for room are to look again.
	room chan struct{}

	// Something is to be sent, or the end.
	changed chan struct{}
	done    chan struct{}
}

// PendingWrite is a write of a [Writer].
type PendingWrite struct {
	element  []byte
	answered chan struct{}
	response *v1.WriteResponse
	err      error
}

// Wait returns the answer: when it comes, the message is durable.
//
// Errors: those of [Socket.Write], and what the writer's context ended with. When ctx ends, the write goes on.
func (p *PendingWrite) Wait(ctx context.Context) (*v1.WriteResponse, error) {
	select {
	case <-p.answered:
		return p.response, p.err
	case <-ctx.Done():
		return nil, ended(ctx)
	}
}

// Writer makes a writer, for who has much to say. When ctx ends, it gives up what is not answered.
func (r *Registry) Writer(ctx context.Context, options *WriterOptions) (*Writer, error) {
	o := valueOf(options)
	if o.Patience == 0 {
		o.Patience = patienceDefault
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.open.Err() != nil {
		return nil, ErrClosed
	}
	w := &Writer{
		registry: r, patience: o.Patience,
		room: make(chan struct{}), changed: make(chan struct{}, 1), done: make(chan struct{}),
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	r.writers[w] = struct{}{}
	go w.run()
	return w, nil
}

// Write hands over a message for a socket, or for everybody ([TeamID]), which is sent with what else is written meanwhile. It
// waits for room when 4,096 writes, or 4 MiB, are not answered.
//
// Errors: what ctx ended with, ErrClosed, and INVALID_ARGUMENT for what cannot be sent. All others are told by the
// [PendingWrite].
func (w *Writer) Write(ctx context.Context, socketID, text string, options *WriteOptions) (*PendingWrite, error) {
	request, err := w.registry.writeRequest(socketID, text, options)
	if err != nil {
		return nil, err
	}
	element, err := encode(request)
	if err != nil {
		return nil, err
	}
	write := &PendingWrite{element: element, answered: make(chan struct{})}
	for {
		room, err := w.add(write)
		if err != nil {
			return nil, err
		}
		if room == nil {
			return write, nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return nil, ended(ctx)
		}
	}
}

// add takes a write, or gives a channel that is closed when it may be tried again.
func (w *Writer) add(write *PendingWrite) (<-chan struct{}, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.closed != nil {
		return nil, w.closed
	}
	if !w.outbox.hasRoom() {
		return w.room, nil
	}
	if w.outbox.count() == 0 {
		w.answeredAt = time.Now()
	}
	w.outbox.add(write)
	w.signal()
	return nil, nil
}

// Close takes no more, and waits until everything is answered, or the writer's context ends. Its error is the first that a
// write failed with, whoever else was told.
func (w *Writer) Close() error {
	w.stop(ErrClosed)
	<-w.done
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.failure
}

// finish closes, but gives up soon: the connection is about to be closed.
func (w *Writer) finish() error {
	w.stop(ErrClosed)
	timer := time.AfterFunc(flushMax, w.cancel)
	defer timer.Stop()
	<-w.done
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.unanswered > 0 {
		return fmt.Errorf("socketregistry: %d writes were not answered", w.unanswered)
	}
	return nil
}

// stop takes no more writes, for this reason.
func (w *Writer) stop(reason error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.end(reason)
	w.signal()
}

// What follows is called under the mutex.

func (w *Writer) end(reason error) {
	if w.closed == nil {
		w.closed = reason
	}
	w.tellOfRoom()
}

// signal makes whoever sends look again.
func (w *Writer) signal() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// tellOfRoom makes whoever waits for room look again.
func (w *Writer) tellOfRoom() {
	close(w.room)
	w.room = make(chan struct{})
}

// fail ends everything that is not answered.
func (w *Writer) fail(err error) {
	for _, write := range w.outbox.takeAll() {
		w.answer(write, nil, err)
	}
	w.tellOfRoom()
}

func (w *Writer) answer(write *PendingWrite, response *v1.WriteResponse, err error) {
	if w.failure == nil {
		w.failure = err
	}
	write.response, write.err = response, err
	close(write.answered)
}
