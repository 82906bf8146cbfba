package socketregistry

import (
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// writeCall is one WriteStream as the server sees it. It ends with OK when the client has ended its side and everything is
// answered.
type writeCall struct {
	t       *testing.T
	frames  chan []*v1.WriteRequest
	answers chan []*v1.WriteStreamResult
	end     chan error
	// What has come, for the test.
	writes []*v1.WriteRequest
	sizes  []int
}

func (s *scripted) WriteStream(stream grpc.BidiStreamingServer[v1.WriteStreamRequest, v1.WriteStreamResponse]) error {
	c := &writeCall{
		frames:  make(chan []*v1.WriteRequest, 10_000),
		answers: make(chan []*v1.WriteStreamResult, 10_000), end: make(chan error, 1),
	}
	s.calls <- c
	came, hasEnded := make(chan int), make(chan bool)
	go func() {
		for {
			frame, err := stream.Recv()
			if err == io.EOF {
				close(hasEnded)
			}
			if err != nil {
				return
			}
			c.frames <- frame.GetWrites()
			select {
			case came <- len(frame.GetWrites()):
			case <-stream.Context().Done():
				return
			}
		}
	}()
	open, isOver := 0, false
	for {
		select {
		case count := <-came:
			open += count
		case results := <-c.answers:
			open -= len(results)
			if err := stream.Send(&v1.WriteStreamResponse{Results: results}); err != nil {
				return err
			}
		case err := <-c.end:
			return err
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-hasEnded:
			hasEnded, isOver = nil, true
		}
		if isOver && open == 0 {
			return nil
		}
	}
}

// nextCall waits for a WriteStream.
func (s *scripted) nextCall(t *testing.T) *writeCall {
	t.Helper()
	c := within(t, "a WriteStream", s.calls)
	c.t = t
	return c
}

// got waits until so many writes have come, and no more.
func (c *writeCall) got(count int) {
	c.t.Helper()
	for len(c.writes) < count {
		frame := within(c.t, "a frame", c.frames)
		c.writes = append(c.writes, frame...)
		c.sizes = append(c.sizes, len(frame))
	}
	expect(c.t, "writes", len(c.writes), count)
}

func (c *writeCall) texts() string {
	var texts []string
	for _, write := range c.writes {
		texts = append(texts, write.GetMessage())
	}
	return strings.Join(texts, " ")
}

// answer answers the next writes, the ids of whose messages begin with a name.
func (c *writeCall) answer(count int, name string) {
	var results []*v1.WriteStreamResult
	for n := range count {
		response := &v1.WriteResponse{MessageId: fmt.Sprint(name, n)}
		results = append(results, &v1.WriteStreamResult{Outcome: &v1.WriteStreamResult_Response{Response: response}})
	}
	c.answers <- results
}

// refuse answers the next write with an error.
func (c *writeCall) refuse(code codes.Code) {
	refusal := status.New(code, "refused").Proto()
	c.answers <- []*v1.WriteStreamResult{{Outcome: &v1.WriteStreamResult_Error{Error: refusal}}}
}

// fail ends the call.
func (c *writeCall) fail(code codes.Code) { c.end <- status.Error(code, "as the test wants it") }
