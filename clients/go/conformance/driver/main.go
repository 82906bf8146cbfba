// The driver of the conformance tests: carries out the operations of clients/conformance/README.md with this client.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	socketregistry "github.com/ai-socket-registry/clients/go"
	"google.golang.org/grpc/codes"
)

// operation is one line of standard input.
type operation struct {
	ID        int64           `json:"id"`
	Op        string          `json:"op"`
	Args      json.RawMessage `json:"args"`
	TimeoutMs int64           `json:"timeout_ms"`
}

// run is an operation under way.
type run struct {
	id     int64
	driver *driver
	args   json.RawMessage
	cancel context.CancelFunc
	// How the bodies of a loop that wait are to end.
	outcomes chan settling
}

// carryOut does an operation. Its result is anything that has a JSON form.
type carryOut func(context.Context, *run) (any, error)

type driver struct {
	registry   *socketregistry.Registry
	operations map[string]carryOut

	mutex sync.Mutex
	runs  map[int64]*run
}

func main() {
	address := os.Getenv("SOCKET_REGISTRY_ADDRESS")
	registry, err := socketregistry.Connect(address, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	d := &driver{registry: registry, runs: map[int64]*run{}}
	d.operations = d.calls()
	d.say(map[string]any{"ready": true})
	input := bufio.NewReader(os.Stdin)
	for {
		line, err := input.ReadBytes('\n')
		if len(line) > 0 {
			d.start(line)
		}
		if err != nil {
			os.Exit(0)
		}
	}
}

func (d *driver) start(line []byte) {
	var o operation
	if err := json.Unmarshal(line, &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	if o.TimeoutMs > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), time.Duration(o.TimeoutMs)*time.Millisecond)
	}
	if len(o.Args) == 0 {
		o.Args = json.RawMessage("{}")
	}
	r := &run{id: o.ID, driver: d, args: o.Args, cancel: cancel, outcomes: make(chan settling, 1)}
	d.mutex.Lock()
	d.runs[o.ID] = r
	d.mutex.Unlock()
	go func() {
		defer cancel()
		var result any
		err := fmt.Errorf("there is no operation %s", o.Op)
		if do, isKnown := d.operations[o.Op]; isKnown {
			result, err = do(ctx, r)
		}
		d.mutex.Lock()
		delete(d.runs, o.ID)
		d.mutex.Unlock()
		if err != nil {
			d.say(map[string]any{"id": o.ID, "error": errorJSON(err)})
		} else {
			d.say(map[string]any{"id": o.ID, "result": result})
		}
	}()
}

func (d *driver) find(id int64) (*run, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if found, isThere := d.runs[id]; isThere {
		return found, nil
	}
	return nil, fmt.Errorf("no operation %d is under way", id)
}

// item is one step of an operation.
func (r *run) item(item any) { r.driver.say(map[string]any{"id": r.id, "item": item}) }

func (d *driver) say(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

func errorJSON(err error) any {
	refused := &socketregistry.Error{Code: codes.Unknown}
	if errors.Is(err, context.Canceled) {
		refused.Code = codes.Canceled
	} else if !errors.As(err, &refused) {
		fmt.Fprintln(os.Stderr, err)
	}
	metadata := refused.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return map[string]any{"code": nameOf(refused.Code), "reason": refused.Reason, "metadata": metadata}
}

// nameOf is the name of a status as the documentation of gRPC writes it.
func nameOf(code codes.Code) string {
	if code == codes.Canceled {
		return "CANCELLED"
	}
	var name strings.Builder
	for i, letter := range code.String() {
		if i > 0 && letter >= 'A' && letter <= 'Z' && code != codes.OK {
			name.WriteByte('_')
		}
		name.WriteRune(letter)
	}
	return strings.ToUpper(name.String())
}
