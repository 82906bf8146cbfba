package socketregistry

import (
	"context"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/grpc"
)

// When a message that a loop gets counts as settled.
const (
	// Explicit: when the loop says so. At least once.
	Explicit = v1.AckMode_ACK_MODE_EXPLICIT
	// Auto: when it is sent. At most once.
	Auto = v1.AckMode_ACK_MODE_AUTO
	// None: never; the loop only looks.
	None = v1.AckMode_ACK_MODE_NONE
)

// In bytes, how much an Explicit Read may have in flight: it is all in memory.
const outstandingBytesMax = 64 << 20

// read opens a Read that goes on where it was.
func (s *Socket) read(request *v1.ReadRequest) *followed[v1.ReadResponse] {
	request.SocketId, request.HeartbeatInterval = s.id, heartbeat()
	return &followed[v1.ReadResponse]{
		registry: s.registry,
		doing:    "reading " + s.id,
		open: func(ctx context.Context) (grpc.ServerStreamingClient[v1.ReadResponse], error) {
			return s.registry.stub.Read(ctx, request)
		},
	}
}

// continueAfter makes a request go on after a frame. The server keeps the place of who takes messages; that of one who only
// looks, or replays, is the reader's to keep. A consumer has a place as soon as it is there.
func continueAfter(request *v1.ReadRequest, frame *v1.ReadResponse) {
	switch {
	case request.AckMode == Explicit:
		request.After = nil
	case frame.GetPosition() != nil && (request.AckMode == None || request.After != nil):
		request.After = frame.GetPosition()
	}
}

// announce tells of messages that never come, and of a queue that was cleared. Other events are nobody's business.
func (s *Socket) announce(frame *v1.ReadResponse, onEvent func(*v1.ReadResponse)) {
	if !isLoss(frame) {
		return
	}
	if onEvent != nil {
		onEvent(frame)
		return
	}
	s.registry.alarm.Warn("messages of the queue will never come",
		"socket", s.id, "event", frame.GetEvent(), "dropped", frame.GetDroppedCount(), "reason", frame.GetGapReason())
}

func isLoss(frame *v1.ReadResponse) bool {
	event := frame.GetEvent()
	return event == v1.ReadEvent_READ_EVENT_GAP || event == v1.ReadEvent_READ_EVENT_RESET
}

// looking is the source of a loop in the modes Auto and None. It reads when the loop asks for more, so that a slow loop slows
// the server.
type looking struct {
	socket   *Socket
	request  *v1.ReadRequest
	frames   *followed[v1.ReadResponse]
	onEvent  func(*v1.ReadResponse)
	messages []*v1.Message
}

func (s *Socket) look(request *v1.ReadRequest, onEvent func(*v1.ReadResponse)) *looking {
	return &looking{socket: s, request: request, frames: s.read(request), onEvent: onEvent}
}

func (l *looking) next(ctx context.Context) (*Message, error) {
	for len(l.messages) == 0 {
		frame, err := l.frames.next(ctx)
		if err != nil {
			return nil, err
		}
		continueAfter(l.request, frame)
		l.socket.announce(frame, l.onEvent)
		l.messages = frame.GetMessages()
	}
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	message := l.messages[0]
	l.messages = l.messages[1:]
	return messageOf(message, l.socket), nil
}

func (l *looking) leave(*Message) error {
	l.frames.close()
	return nil
}
