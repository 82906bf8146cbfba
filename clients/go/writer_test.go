package socketregistry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc/codes"
)

// startWriting gives a writer at a server that does as the test says.
func startWriting(t *testing.T, options *WriterOptions) (*scripted, *Writer) {
	t.Helper()
	s, registry := startScripted(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	writer, err := registry.Writer(ctx, options)
	check(t, err)
	return s, writer
}

// writeAll hands over texts, which must have room.
func writeAll(t *testing.T, writer *Writer, texts ...string) []*PendingWrite {
	t.Helper()
	var writes []*PendingWrite
	for _, text := range texts {
		write, err := writer.Write(testContext(t), "x", text, nil)
		check(t, err)
		writes = append(writes, write)
	}
	return writes
}

// writeHeld hands over texts while the writer does not send, so that they wait together.
func writeHeld(t *testing.T, writer *Writer, texts ...string) []*PendingWrite {
	t.Helper()
	var writes []*PendingWrite
	writer.mutex.Lock()
	defer writer.mutex.Unlock()
	for _, text := range texts {
		request, err := writer.registry.writeRequest("x", text, nil)
		check(t, err)
		element, err := encode(request)
		check(t, err)
		write := &PendingWrite{element: element, answered: make(chan struct{})}
		writer.outbox.add(write)
		writes = append(writes, write)
	}
	writer.answeredAt = time.Now()
	writer.signal()
	return writes
}

func numbers(count int) []string {
	var texts []string
	for n := 1; n <= count; n++ {
		texts = append(texts, fmt.Sprint(n))
	}
	return texts
}

func expectID(t *testing.T, write *PendingWrite, id string) {
	t.Helper()
	response, err := write.Wait(testContext(t))
	check(t, err)
	expect(t, "the message's id", response.GetMessageId(), id)
}

func expectCode(t *testing.T, write *PendingWrite, code codes.Code) {
	t.Helper()
	_, err := write.Wait(testContext(t))
	expect(t, "the code", codeOf(err), code)
}

func TestWhatWaitsIsOneFrame(t *testing.T) {
	t.Parallel()
	s, writer := startWriting(t, nil)
	writes := writeHeld(t, writer, "a", "b", "c")
	call := s.nextCall(t)
	call.got(3)
	writes = append(writes, writeHeld(t, writer, "d")...)
	call.got(4)
	expect(t, "frames", fmt.Sprint(call.sizes), "[3 1]")
	expect(t, "texts", call.texts(), "a b c d")
	ids := map[string]bool{}
	for _, write := range call.writes {
		ids[write.GetRequestId()] = true
	}
	expect(t, "request ids", len(ids), 4)
	call.answer(1, "first")
	call.answer(3, "then")
	for n, id := range []string{"first0", "then0", "then1", "then2"} {
		expectID(t, writes[n], id)
	}
	check(t, writer.Close())
}

func TestAFrameHasABound(t *testing.T) {
	t.Parallel()
	s, writer := startWriting(t, nil)
	writeHeld(t, writer, numbers(2_500)...)
	call := s.nextCall(t)
	call.got(2_500)
	expect(t, "frames", fmt.Sprint(call.sizes), "[1000 1000 500]")
	call.sizes = nil
	var large []string
	for _, kibibytes := range []int{100, 100, 100, 300, 10} {
		large = append(large, strings.Repeat("x", kibibytes<<10))
	}
	writeHeld(t, writer, large...)
	call.got(2_505)
	expect(t, "frames", fmt.Sprint(call.sizes), "[2 1 1 1]")
}

func TestNoMoreThanABoundIsUnderWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ count, size, bound int }{{5_000, 1, underWayMax}, {10, 1_000_000, 5}} {
		t.Run(fmt.Sprint(c.bound), func(t *testing.T) {
			t.Parallel()
			s, writer := startWriting(t, nil)
			handedOver := make(chan int, c.count)
			go func() {
				for n := range c.count {
					if _, err := writer.Write(context.Background(), "x", strings.Repeat("x", c.size), nil); err == nil {
						handedOver <- n
					}
				}
			}()
			call := s.nextCall(t)
			for n := range c.bound {
				expect(t, "handed over", within(t, "a write", handedOver), n)
			}
			call.got(c.bound)
			writer.mutex.Lock()
			expect(t, "has room", writer.outbox.hasRoom(), false)
			writer.mutex.Unlock()
			for n := c.bound; n < c.count; n++ {
				call.answer(1, "m")
				expect(t, "handed over", within(t, "a write", handedOver), n)
			}
			call.got(c.count)
		})
	}
}

func TestWhoWaitsForRoomMayGiveUp(t *testing.T) {
	t.Parallel()
	_, writer := startWriting(t, nil)
	writeHeld(t, writer, numbers(underWayMax)...)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := writer.Write(ctx, "x", "too much", nil)
	expectError(t, err, context.DeadlineExceeded)
}

func TestARefusalIsTheErrorOfAWriteOfItsOwn(t *testing.T) {
	t.Parallel()
	registry := startServer(t).connect(nil)
	socketWith(t, registry, nil, 0)
	_, err := registry.Socket("nobody").Write(testContext(t), "?", nil)
	var single, one *Error
	expect(t, "is refused", errors.As(err, &single), true)
	writer, err := registry.Writer(testContext(t), nil)
	check(t, err)
	refused, err := writer.Write(testContext(t), "nobody", "?", nil)
	check(t, err)
	fine, err := writer.Write(testContext(t), "x", "fine", &WriteOptions{Sender: "me"})
	check(t, err)
	_, err = writer.Write(testContext(t), "x", "no text: \xff", nil)
	expect(t, "the code", codeOf(err), codes.InvalidArgument)
	_, err = fine.Wait(testContext(t))
	check(t, err)
	_, err = refused.Wait(testContext(t))
	expect(t, "is refused", errors.As(err, &one), true)
	expect(t, "error", one.Error(), single.Error())
	expect(t, "metadata", fmt.Sprint(one.Metadata), fmt.Sprint(single.Metadata))
	expect(t, "status", one.GRPCStatus().String(), single.GRPCStatus().String())
	expect(t, "the reason that Close gives", ReasonOf(writer.Close()), ReasonSocketNotFound)
	expect(t, "contents", contents(t, registry.Socket("x")), "fine/1")
}

func TestWhatIsNotAnsweredIsSentAgain(t *testing.T) {
	t.Parallel()
	s, writer := startWriting(t, nil)
	writes := writeHeld(t, writer, numbers(6)...)
	before := s.nextCall(t)
	before.got(6)
	before.answer(2, "m")
	expectID(t, writes[1], "m1")
	before.fail(codes.Unavailable)
	writes = append(writes, writeAll(t, writer, "7")...)
	after := s.nextCall(t)
	after.got(5)
	expect(t, "texts", after.texts(), "3 4 5 6 7")
	for n, write := range after.writes[:4] {
		expect(t, "request id", write.GetRequestId(), before.writes[n+2].GetRequestId())
	}
	after.answer(5, "again")
	expectID(t, writes[2], "again0")
	expectID(t, writes[6], "again4")
	check(t, writer.Close())
}

func TestACallThatIsRefusedFailsWhatIsNotAnswered(t *testing.T) {
	t.Parallel()
	s, writer := startWriting(t, nil)
	writes := writeHeld(t, writer, numbers(2)...)
	call := s.nextCall(t)
	call.got(2)
	call.fail(codes.Unauthenticated)
	for _, write := range writes {
		expectCode(t, write, codes.Unauthenticated)
	}
	next := writeAll(t, writer, "3")
	another := s.nextCall(t)
	another.got(1)
	another.answer(1, "m")
	expectID(t, next[0], "m0")
}

func TestPatienceHasAnEnd(t *testing.T) {
	t.Parallel()
	s, writer := startWriting(t, &WriterOptions{Patience: time.Nanosecond})
	writes := writeHeld(t, writer, numbers(2)...)
	call := s.nextCall(t)
	call.got(2)
	call.fail(codes.Unavailable)
	for _, write := range writes {
		expectCode(t, write, codes.Unavailable)
	}
}

func TestCloseWaitsForTheAnswers(t *testing.T) {
	t.Parallel()
	s, writer := startWriting(t, nil)
	writes := writeHeld(t, writer, "1")
	closed := make(chan error, 1)
	go func() { closed <- writer.Close() }()
	call := s.nextCall(t)
	call.got(1)
	expect(t, "closed before the answer", len(closed), 0)
	call.answer(1, "m")
	expectID(t, writes[0], "m0")
	check(t, within(t, "the end", closed))
	_, err := writer.Write(testContext(t), "x", "late", nil)
	expectError(t, err, ErrClosed)
	check(t, writer.Close())
}

func TestAContextGivesUpWhatIsNotAnswered(t *testing.T) {
	t.Parallel()
	s, registry := startScripted(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	writer, err := registry.Writer(ctx, nil)
	check(t, err)
	writes := writeAll(t, writer, "1")
	s.nextCall(t).got(1)
	cancel()
	_, err = writes[0].Wait(testContext(t))
	expectError(t, err, context.Canceled)
	expectError(t, writer.Close(), context.Canceled)
	_, err = writer.Write(testContext(t), "x", "late", nil)
	expectError(t, err, context.Canceled)
}

func TestClosingTheRegistryClosesItsWriters(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	registry := server.connect(nil)
	size := uint32(2_000)
	socketWith(t, registry, &v1.SocketConfig{MaxQueueSize: &size}, 0)
	writer, err := registry.Writer(testContext(t), nil)
	check(t, err)
	writes := writeAll(t, writer, numbers(2_000)...)
	check(t, registry.Close())
	for _, write := range writes {
		_, err := write.Wait(testContext(t))
		check(t, err)
	}
	_, err = writer.Write(testContext(t), "x", "late", nil)
	expectError(t, err, ErrClosed)
	_, err = registry.Writer(testContext(t), nil)
	expectError(t, err, ErrClosed)
	isAll := contents(t, server.connect(nil).Socket("x")) == strings.Join(numbers(2_000), "/1 ")+"/1"
	expect(t, "everything is there, in its order", isAll, true)
}
