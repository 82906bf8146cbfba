package socketregistry

import (
	"context"
	"net"
	"testing"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// scripted is a server of which each Read ends as it is told, after one frame, or before.
type scripted struct {
	v1.UnimplementedSocketRegistryServer
	readings chan reading
	// Who read, and who was released.
	readers, released chan string
	answer            error
	// The WriteStreams, which do as they are told.
	calls chan *writeCall
}

type reading struct {
	isStarted bool
	end       error
}

func (s *scripted) Read(request *v1.ReadRequest, stream grpc.ServerStreamingServer[v1.ReadResponse]) error {
	s.readers <- request.GetReader()
	next := <-s.readings
	if next.isStarted {
		if err := stream.Send(&v1.ReadResponse{Event: v1.ReadEvent_READ_EVENT_STARTED}); err != nil {
			return err
		}
	}
	if next.end == nil {
		<-stream.Context().Done()
	}
	return next.end
}

func (s *scripted) Acknowledge(_ context.Context, request *v1.AcknowledgeRequest) (*v1.AcknowledgeResponse, error) {
	if request.GetEpoch() == "" {
		s.released <- request.GetReleaseReader()
	}
	return &v1.AcknowledgeResponse{}, s.answer
}

// refusalFor is what a registry refuses with.
func refusalFor(t *testing.T, code codes.Code, reason Reason) error {
	t.Helper()
	refusal, err := status.New(code, "refused").WithDetails(&errdetails.ErrorInfo{Reason: string(reason)})
	check(t, err)
	return refusal.Err()
}

// startScripted gives a client of such a server.
func startScripted(t *testing.T, answer error, readings ...reading) (*scripted, *Registry) {
	t.Helper()
	s := &scripted{
		readings: make(chan reading, len(readings)), answer: answer,
		readers: make(chan string, 10), released: make(chan string, 10),
		calls: make(chan *writeCall, 10),
	}
	for _, reading := range readings {
		s.readings <- reading
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	serving := grpc.NewServer()
	v1.RegisterSocketRegistryServer(serving, s)
	go func() { _ = serving.Serve(listener) }()
	t.Cleanup(serving.Stop)
	registry, err := Connect(listener.Addr().String(), nil)
	check(t, err)
	t.Cleanup(func() { _ = registry.Close() })
	return s, registry
}
