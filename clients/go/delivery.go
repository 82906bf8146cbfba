package socketregistry

import (
	"slices"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
)

// place is where a delivery came from. What comes again has the same.
type place struct {
	epoch    string
	sequence uint64
}

// outcome is what became of a delivery.
type outcome struct {
	isNack     bool
	retryDelay time.Duration
}

// delivery is one message that the server waits to hear of. Its fields are the owner's, under the owner's mutex, but for
// `told` and, when that is closed, `err`.
type delivery struct {
	owner   *deliveries
	place   place
	attempt uint32

	isSettled bool
	outcome   outcome
	// The server has told by a higher attempt that it knows.
	isObsolete bool
	told       chan struct{}
	err        error
}

// settlement is one Acknowledge, and what is settled when it is answered.
type settlement struct {
	request *v1.AcknowledgeRequest
	settled []*delivery
}

// The most sequences that one Acknowledge may name.
const sequencesMax = 10_000

// settlementOf makes one call of the oldest that is to be told and the oldest that is to be extended, as far as they go into
// one: one epoch, and one delay for what is given back. It gives what is left to do; the request is nil when there is nothing.
func settlementOf(pending, held []*delivery) (settlement, []*delivery) {
	held = slices.DeleteFunc(held, func(d *delivery) bool { return d.isSettled })
	s := settlement{request: &v1.AcknowledgeRequest{}}
	switch {
	case len(pending) > 0:
		s.request.Epoch = pending[0].place.epoch
	case len(held) > 0:
		s.request.Epoch = held[0].place.epoch
	default:
		return settlement{}, nil
	}
	count, hasNack := 0, false
	var retryDelay time.Duration
	for _, d := range pending {
		switch {
		case count == sequencesMax || d.place.epoch != s.request.Epoch:
			continue
		case !d.outcome.isNack:
			s.request.Sequences = append(s.request.Sequences, d.place.sequence)
		case hasNack && d.outcome.retryDelay != retryDelay:
			continue
		default:
			hasNack, retryDelay = true, d.outcome.retryDelay
			s.request.NackSequences = append(s.request.NackSequences, d.place.sequence)
			s.request.RetryDelay = durationOf(retryDelay)
		}
		s.settled = append(s.settled, d)
		count++
	}
	var rest []*delivery
	for _, d := range held {
		if count == sequencesMax || d.place.epoch != s.request.Epoch {
			rest = append(rest, d)
			continue
		}
		s.request.ExtendSequences = append(s.request.ExtendSequences, d.place.sequence)
		count++
	}
	return s, rest
}
