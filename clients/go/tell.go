package socketregistry

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// run tells the server what is settled and extends what is held, one call at a time, until it is closed and has nothing left,
// or ctx ends. The release comes last: it would have what is told here waiting again.
func (d *deliveries) run(ctx context.Context) {
	defer d.end()
	period := extendPeriodMax
	timer := time.NewTimer(period)
	defer timer.Stop()
	failures, isReleased := 0, false
	for {
		d.mutex.Lock()
		next := d.compose()
		isAsking, isClosing := d.isAsking, d.isClosing
		d.isAsking = false
		d.mutex.Unlock()
		switch {
		case next.request != nil:
			if d.tell(ctx, next, failures) {
				failures = 0
			} else if failures++; ctx.Err() == nil {
				sleep(ctx, pauseAfter(failures, tellPauseMax))
			}
		case isClosing && !isReleased:
			d.release(ctx)
			isReleased = true
		case isClosing:
			return
		case isAsking:
			period = d.askPeriod(ctx, period)
			timer.Reset(period)
		default:
			select {
			case <-d.wake:
			case <-timer.C:
				timer.Reset(period)
				d.mutex.Lock()
				d.extendHeld()
				d.mutex.Unlock()
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// tell makes one call. False when nobody answered: it is to be made again.
func (d *deliveries) tell(ctx context.Context, next settlement, failures int) bool {
	response, err := d.registry.stub.Acknowledge(ctx, next.request)
	isOurs := make(map[*delivery]bool, len(next.settled))
	for _, x := range next.settled {
		isOurs[x] = true
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	log := d.registry.log.With("socket", d.socketID, "epoch", next.request.GetEpoch())
	if err != nil && (isUnanswered(err) || ctx.Err() != nil) {
		log.Warn("no answer to an acknowledgement; it is repeated", "error", err)
		if len(next.request.GetExtendSequences()) > 0 {
			d.extendHeld()
		}
		return false
	}
	switch stale := response.GetStaleSequences(); {
	case isGone(err):
		d.mayHold = false
		log.Debug("nothing to acknowledge", "error", err)
	case err != nil && len(next.settled) > 0:
		d.failure = err
		d.registry.alarm.Error("not acknowledged, and will come again",
			"socket", d.socketID, "epoch", next.request.GetEpoch(), "messages", len(next.settled), "error", err)
	case err != nil:
		log.Warn("not extended", "error", err)
	// What an attempt without an answer has settled is stale to the next one, and no news.
	case len(stale) > 0 && failures == 0:
		log.Debug("not in flight any longer", "sequences", stale)
	}
	d.forget(func(x *delivery) bool { return isOurs[x] }, err)
	return true
}

// release has the server hand to others, at once, what it has in flight to the reader. Otherwise it would do so when the grace
// of the streams is over, which is why nobody is told of a failure.
func (d *deliveries) release(ctx context.Context) {
	d.mutex.Lock()
	mayHold := d.mayHold
	d.mutex.Unlock()
	if !mayHold {
		return
	}
	// Without an epoch: that of the last message may not be the queue's any more.
	_, err := d.registry.stub.Acknowledge(ctx, &v1.AcknowledgeRequest{
		SocketId: d.socketID, Consumer: d.consumer, ReleaseReader: d.reader,
	})
	if err != nil {
		d.registry.log.Debug("a reader was not released", "socket", d.socketID, "error", err)
	}
}

// askPeriod is how often to extend, by the socket's deadline, or, when that is not to be had, as often as before.
func (d *deliveries) askPeriod(ctx context.Context, before time.Duration) time.Duration {
	found, err := d.registry.stub.GetSocketInfo(ctx, &v1.GetSocketInfoRequest{SocketId: d.socketID})
	if err != nil {
		return before
	}
	var deadline time.Duration
	if own := found.GetSocket().GetConfig().GetAckDeadline(); own != nil {
		deadline = own.AsDuration()
	} else if info, err := d.registry.ServerInfo(ctx); err == nil {
		deadline = time.Duration(info.GetLimits()["ack_deadline_ms"]) * time.Millisecond
	} else {
		return before
	}
	if deadline == 0 {
		return extendPeriodMax
	}
	return max(extendPeriodMin, min(extendPeriodMax, deadline/3))
}

// end is the end of run: nobody is told any more.
func (d *deliveries) end() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if len(d.pending) > 0 {
		d.failure = fmt.Errorf(
			"socketregistry: %d messages of %s could not be acknowledged, and will come again", len(d.pending), d.socketID)
		d.registry.alarm.Error("not acknowledged, and will come again", "socket", d.socketID, "messages", len(d.pending))
	}
	close(d.done)
}
