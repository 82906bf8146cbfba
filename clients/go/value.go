package socketregistry

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// structOf makes metadata or a context of a map. Nil stays nil. What is no value of JSON by itself, such as a struct, becomes
// what encoding/json makes of it.
func structOf(values map[string]any) (*structpb.Struct, error) {
	if values == nil {
		return nil, nil
	}
	if made, err := structpb.NewStruct(values); err == nil {
		return made, nil
	}
	text, err := json.Marshal(values)
	if err != nil {
		return nil, invalid("a value cannot be sent: %v", err)
	}
	made := &structpb.Struct{}
	if err := protojson.Unmarshal(text, made); err != nil {
		return nil, invalid("a value cannot be sent: %v", err)
	}
	return made, nil
}

// mapOf is the way back. Absent: nil.
func mapOf(values *structpb.Struct) map[string]any {
	if values == nil {
		return nil
	}
	return values.AsMap()
}

// durationOf leaves out what is zero, which then means the server's default.
func durationOf(duration time.Duration) *durationpb.Duration {
	if duration == 0 {
		return nil
	}
	return durationpb.New(duration)
}

// requestIDOf is a key that every repetition of a call carries: the caller's, or a random UUID.
func requestIDOf(wanted string) string {
	if wanted != "" {
		return wanted
	}
	return randomUUID()
}

func randomUUID() string {
	var b [16]byte
	// It never fails: a system without randomness ends the program.
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
