package socketregistry

import (
	"context"
	"slices"
	"sync"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// A broken stream leaves its deliveries 15 seconds, unless they are extended.
const (
	extendPeriodMax = 5 * time.Second
	extendPeriodMin = 10 * time.Millisecond
)

// deliveries are what an Explicit Read handed to one loop. They are extended while somebody has them, and what became of them
// is told by one call after the other, over restarts of the server.
type deliveries struct {
	registry           *Registry
	socketID, consumer string
	// What the loop calls its streams.
	reader string

	mutex sync.Mutex
	// Everything that came, until the server knows what became of it.
	known map[place]*delivery
	// What is settled, oldest first, until the server knows.
	pending []*delivery
	// What is to be extended by the next calls.
	extending []*delivery
	// Whether to ask for the socket's deadline.
	isAsking bool
	// Whether the server may have something in flight to the reader.
	mayHold   bool
	isClosing bool
	failure   error

	wake   chan struct{}
	done   chan struct{}
	cancel context.CancelFunc
}

func (r *Registry) openDeliveries(socketID, consumer, reader string) *deliveries {
	ctx, cancel := context.WithCancel(r.life)
	d := &deliveries{
		registry: r, socketID: socketID, consumer: consumer, reader: reader,
		known: map[place]*delivery{},
		wake:  make(chan struct{}, 1), done: make(chan struct{}), cancel: cancel,
	}
	go d.run(ctx)
	return d
}

// take notes a message that came. Nil when it came before, and somebody has it or the server is being told.
func (d *deliveries) take(message *v1.Message) *delivery {
	taken := &delivery{
		owner: d, place: place{message.GetEpoch(), message.GetSequence()},
		attempt: message.GetDeliveryAttempt(), told: make(chan struct{}),
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if before, isKnown := d.known[taken.place]; isKnown {
		if !before.isSettled || !before.outcome.isNack || taken.attempt <= before.attempt {
			return nil
		}
		// It was given back and is here again, sooner than the answer to that.
		before.isObsolete = true
	}
	d.known[taken.place] = taken
	return taken
}

// settle says what became of a delivery. It fails when something else has, or when nobody can be told any more.
func (d *deliveries) settle(x *delivery, how outcome) error {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if x.isSettled {
		if x.outcome.isNack != how.isNack {
			return invalid("the message at %d is settled already, in another way", x.place.sequence)
		}
		return nil
	}
	select {
	case <-d.done:
		return ErrClosed
	default:
	}
	x.isSettled, x.outcome = true, how
	d.pending = append(d.pending, x)
	d.signal()
	return nil
}

// letGo forgets what nobody has worked on: it comes again when the reader is released, and that is no failed attempt.
func (d *deliveries) letGo(xs ...*delivery) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, x := range xs {
		if !x.isSettled && d.known[x.place] == x {
			delete(d.known, x.place)
		}
	}
}

// setMayHold says whether the server may have something in flight to the reader.
func (d *deliveries) setMayHold(mayHold bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.mayHold = mayHold
}

// reopened extends what is held at once, and asks for the deadline: a stream was opened.
func (d *deliveries) reopened() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.isAsking = true
	d.extendHeld()
	d.signal()
}

// close tells everything and releases the reader, for 10 seconds at most, and ends. What is held is no longer. No stream may be
// opened any more: the release would not know of it. It may be called again.
func (d *deliveries) close() error {
	d.mutex.Lock()
	d.isClosing = true
	d.extending = nil
	for at, x := range d.known {
		if !x.isSettled {
			delete(d.known, at)
		}
	}
	d.signal()
	d.mutex.Unlock()
	timer := time.AfterFunc(flushMax, d.cancel)
	<-d.done
	timer.Stop()
	d.cancel()
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.failure
}

// What follows is called under the mutex.

// signal makes run look again.
func (d *deliveries) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// extendHeld lets the next calls extend everything that somebody has.
func (d *deliveries) extendHeld() {
	d.extending = d.extending[:0]
	for _, x := range d.known {
		if !x.isSettled {
			d.extending = append(d.extending, x)
		}
	}
}

// compose makes the next call. Nil request: nothing is to be told.
func (d *deliveries) compose() settlement {
	var next settlement
	d.forget(func(x *delivery) bool { return x.isObsolete }, nil)
	next, d.extending = settlementOf(d.pending, d.extending)
	if next.request != nil {
		next.request.SocketId, next.request.Consumer = d.socketID, d.consumer
	}
	return next
}

// forget ends what is told: with nil, or with why it could not be.
func (d *deliveries) forget(isTold func(*delivery) bool, err error) {
	d.pending = slices.DeleteFunc(d.pending, func(x *delivery) bool {
		if !isTold(x) {
			return false
		}
		if d.known[x.place] == x {
			delete(d.known, x.place)
		}
		x.err = err
		close(x.told)
		return true
	})
}
