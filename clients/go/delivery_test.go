package socketregistry

import (
	"testing"
	"time"
)

func TestOneCallTellsWhatGoesIntoOne(t *testing.T) {
	at := func(epoch string, sequence uint64, how outcome) *delivery {
		return &delivery{place: place{epoch, sequence}, outcome: how, isSettled: true}
	}
	held := func(epoch string, sequence uint64) *delivery { return &delivery{place: place{epoch, sequence}} }
	soon, later := outcome{isNack: true}, outcome{isNack: true, retryDelay: time.Second}
	pending := []*delivery{
		at("e", 1, outcome{}), at("e", 2, later), at("e", 3, soon), at("f", 1, outcome{}), at("e", 4, later), at("e", 5, outcome{}),
	}

	first, rest := settlementOf(pending, []*delivery{held("e", 6), pending[0], held("f", 2)})
	expect(t, "epoch", first.request.Epoch, "e")
	expect(t, "acknowledged", len(first.request.Sequences), 2)
	expect(t, "given back with one delay", len(first.request.NackSequences), 2)
	expect(t, "delay", first.request.RetryDelay.AsDuration(), time.Second)
	expect(t, "extended", len(first.request.ExtendSequences), 1)
	expect(t, "settled", len(first.settled), 4)
	expect(t, "left to extend", len(rest), 1)

	second, rest := settlementOf(nil, rest)
	expect(t, "epoch", second.request.Epoch, "f")
	expect(t, "left to extend", len(rest), 0)

	nothing, _ := settlementOf(nil, []*delivery{pending[0]})
	expect(t, "a call about nothing", nothing.request == nil, true)

	var many []*delivery
	for n := range uint64(sequencesMax + 1) {
		many = append(many, at("e", n, outcome{}))
	}
	full, rest := settlementOf(many, []*delivery{held("e", sequencesMax+2)})
	expect(t, "acknowledged", len(full.request.Sequences), sequencesMax)
	expect(t, "left to extend", len(rest), 1)
}
