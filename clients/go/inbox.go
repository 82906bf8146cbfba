package socketregistry

import (
	"context"
	"slices"
	"sync"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc"
)

// inbox is the source of a loop in mode Explicit. It reads ahead, as far as max_outstanding lets the server go, so that what
// was delivered is known, and held, while the loop works on something else.
type inbox struct {
	socket     *Socket
	deliveries *deliveries
	onEvent    func(*v1.ReadResponse)

	mutex sync.Mutex
	items []item
	err   error

	arrived chan struct{}
	cancel  context.CancelFunc
	done    chan struct{}
}

// item is a message, or an event between two of them.
type item struct {
	message *Message
	event   *v1.ReadResponse
}

func (s *Socket) openInbox(ctx context.Context, request *v1.ReadRequest, onEvent func(*v1.ReadResponse)) (*inbox, error) {
	r := s.registry
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.open.Err() != nil {
		return nil, ErrClosed
	}
	request.AckMode, request.MaxOutstandingBytes, request.Reader = Explicit, outstandingBytesMax, randomUUID()
	ctx, cancel := context.WithCancel(ctx)
	in := &inbox{
		socket: s, deliveries: r.openDeliveries(s.id, request.GetConsumer(), request.GetReader()), onEvent: onEvent,
		arrived: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	r.loops[in] = struct{}{}
	go in.run(ctx, request)
	return in, nil
}

// run reads until ctx ends, or the queue does.
func (in *inbox) run(ctx context.Context, request *v1.ReadRequest) {
	defer close(in.done)
	frames := in.socket.read(request)
	defer frames.close()
	open, hasFrames := frames.open, false
	frames.open = func(ctx context.Context) (grpc.ServerStreamingClient[v1.ReadResponse], error) {
		stream, err := open(ctx)
		if err == nil {
			in.deliveries.setMayHold(true)
		}
		return stream, err
	}
	for {
		frame, err := frames.next(ctx)
		// A Read that was refused has got nothing, and what one of a deleted socket had is gone.
		if isGone(err) || (!hasFrames && ReasonOf(err) != "") {
			in.deliveries.setMayHold(false)
		}
		hasFrames = true
		in.mutex.Lock()
		if err != nil {
			in.err = err
		} else {
			continueAfter(request, frame)
			in.take(frame)
		}
		in.mutex.Unlock()
		select {
		case in.arrived <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (in *inbox) take(frame *v1.ReadResponse) {
	switch {
	case frame.GetEvent() == v1.ReadEvent_READ_EVENT_STARTED:
		in.deliveries.reopened()
	case frame.GetEvent() == v1.ReadEvent_READ_EVENT_RESET:
		// What was in the queue is there no longer; nobody is to work on it.
		in.drop()
	}
	if isLoss(frame) {
		in.items = append(in.items, item{event: frame})
	}
	for _, message := range frame.GetMessages() {
		if taken := in.deliveries.take(message); taken != nil {
			made := messageOf(message, in.socket)
			made.delivery = taken
			in.items = append(in.items, item{message: made})
		}
	}
}

// drop lets go of the messages that wait for the loop.
func (in *inbox) drop() {
	in.items = slices.DeleteFunc(in.items, func(i item) bool {
		if i.message != nil {
			in.deliveries.letGo(i.message.delivery)
		}
		return i.message != nil
	})
}

// next waits for a message. When the reading has ended, what waits is not handed out: it is somebody else's, or nobody's.
func (in *inbox) next(ctx context.Context) (*Message, error) {
	for {
		first, err := in.pop()
		switch {
		case ctx.Err() != nil:
			return nil, ended(ctx)
		case in.socket.registry.open.Err() != nil:
			return nil, ErrClosed
		case first.event != nil:
			in.socket.announce(first.event, in.onEvent)
			continue
		case err != nil:
			return nil, err
		case first.message != nil:
			return first.message, nil
		}
		select {
		case <-in.arrived:
		case <-ctx.Done():
		case <-in.socket.registry.open.Done():
		}
	}
}

func (in *inbox) pop() (item, error) {
	in.mutex.Lock()
	defer in.mutex.Unlock()
	if in.err != nil {
		in.drop()
	}
	if len(in.items) == 0 {
		return item{}, in.err
	}
	first := in.items[0]
	in.items[0] = item{}
	in.items = in.items[1:]
	return first, nil
}

// stop reads no more. What waits for the loop is let go of; what the loop has is still held.
func (in *inbox) stop() {
	in.cancel()
	<-in.done
	in.mutex.Lock()
	defer in.mutex.Unlock()
	in.drop()
}

// leave stops, gives back what the loop has not settled, and waits until the server knows everything, and has released what
// waited for the loop. It may be called again.
func (in *inbox) leave(current *Message) error {
	in.stop()
	if current != nil {
		// Refused where the loop has settled it, which is as well.
		_ = in.deliveries.settle(current.delivery, outcome{isNack: true})
	}
	err := in.deliveries.close()
	r := in.socket.registry
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.loops, in)
	return err
}
