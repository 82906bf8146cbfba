package socketregistry

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	pauseMin = 100 * time.Millisecond
	// Between two attempts to open a stream.
	reopenPauseMax = 5 * time.Second
	// Between two attempts to tell what was done.
	tellPauseMax = 2 * time.Second
)

// pauseAfter is how long to wait after so many failures in a row: 100 ms, doubling up to a most, give or take a fifth, so that
// those who lost the same server do not come back in one moment.
func pauseAfter(failures int, most time.Duration) time.Duration {
	pause := min(pauseMin<<min(failures-1, 10), most)
	return time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64()))
}

// sleep waits, or until the context ends.
func sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// persist makes a call until it is answered, or its context ends.
func (r *Registry) persist(ctx context.Context, doing string, call func(context.Context) error) error {
	for failures := 1; ; failures++ {
		err := call(ctx)
		if err == nil || !isUnanswered(err) {
			return err
		}
		if ctx.Err() != nil {
			return ended(ctx)
		}
		pause := pauseAfter(failures, reopenPauseMax)
		r.log.Warn("no answer", "doing", doing, "error", err, "again_in", pause)
		sleep(ctx, pause)
		if ctx.Err() != nil {
			return ended(ctx)
		}
	}
}
