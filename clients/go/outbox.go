package socketregistry

import (
	"slices"

	v1 "github.com/ai-socket-registry/clients/go/socketregistry/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const (
	// A frame is closed before it has more than this, but for one write that is larger.
	frameWritesMax = 1_000
	frameBytesMax  = 256 << 10
	// More than this is not taken before something is answered, but for one write that is larger.
	underWayMax      = 4_096
	underWayBytesMax = 4 << 20
)

// outbox holds what was written and is not answered, in its order: what has been sent, and behind it what waits.
type outbox struct {
	sent, waiting []*PendingWrite
	bytes         int
}

// encode makes a request an element of a frame, once, however often it is sent.
func encode(request *v1.WriteRequest) ([]byte, error) {
	encoded, err := proto.Marshal(request)
	if err != nil {
		return nil, invalid("the message cannot be sent: %s", err)
	}
	element := protowire.AppendTag(make([]byte, 0, len(encoded)+8), 1, protowire.BytesType)
	return protowire.AppendBytes(element, encoded), nil
}

// count is how many are not answered.
func (o *outbox) count() int { return len(o.sent) + len(o.waiting) }

// hasRoom says whether one more may be added.
func (o *outbox) hasRoom() bool {
	return o.count() < underWayMax && o.bytes < underWayBytesMax
}

func (o *outbox) add(write *PendingWrite) {
	o.waiting = append(o.waiting, write)
	o.bytes += len(write.element)
}

// takeFrame makes a frame of what waits, as much as one may have. Nil when nothing waits.
func (o *outbox) takeFrame() *v1.WriteStreamRequest {
	count, size := 0, 0
	for count < min(len(o.waiting), frameWritesMax) {
		next := len(o.waiting[count].element)
		if count > 0 && size+next > frameBytesMax {
			break
		}
		count, size = count+1, size+next
	}
	if count == 0 {
		return nil
	}
	elements := make([]byte, 0, size)
	for _, write := range o.waiting[:count] {
		elements = append(elements, write.element...)
	}
	o.sent = append(o.sent, o.waiting[:count]...)
	o.waiting = slices.Delete(o.waiting, 0, count)
	frame := &v1.WriteStreamRequest{}
	// What is encoded already goes as it is: protobuf does not touch it.
	frame.ProtoReflect().SetUnknown(elements)
	return frame
}

// takeSent takes out the oldest write that was sent: it is answered. Nil when there is none.
func (o *outbox) takeSent() *PendingWrite {
	if len(o.sent) == 0 {
		return nil
	}
	oldest := o.sent[0]
	o.sent[0] = nil
	o.sent = o.sent[1:]
	o.bytes -= len(oldest.element)
	return oldest
}

// takeBack makes everything that is not answered wait again, in its order: the call broke.
func (o *outbox) takeBack() {
	o.waiting = append(o.sent, o.waiting...)
	o.sent = nil
}

// takeAll takes out everything that is not answered.
func (o *outbox) takeAll() []*PendingWrite {
	all := append(o.sent, o.waiting...)
	*o = outbox{}
	return all
}
