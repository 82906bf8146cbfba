package socketregistry

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// ConnectOptions say how to reach a registry, and as whom.
type ConnectOptions struct {
	// Token is sent with every call, as `authorization: Bearer`. It needs TLS, unless the address is a loopback one.
	Token string
	// TLS makes the connection a secure one; an empty config trusts the system's roots. Nil: no TLS.
	TLS *tls.Config
	// Timeout is the most that a unary call may take, its repetitions included. Zero: 10 s.
	Timeout time.Duration
	// Sender is the author of every write, broadcast and question that names none.
	Sender string
	// Logger is told when a loop has to wait for the server. Nil: nobody is, but what means loss (a gap or a reset that no
	// OnEvent takes, an acknowledgement that could not be told) goes to slog.Default().
	Logger *slog.Logger
}

const (
	timeoutDefault = 10 * time.Second
	// A content of 1 MiB is legal, and one frame may carry several MiB.
	receiveBytesMax = 64 << 20
	// A call is repeated only as long as it is kept: the largest legal request has to fit.
	retryBytesMax = 32 << 20
	// What a stream may have on its way. In mode Auto it is settled already, so it is not made larger than need be.
	streamBytes     = 1 << 20
	connectionBytes = 4 << 20
)

// Calls that are safe to make again: they change nothing, carry a request_id, or say the same twice.
const serviceConfig = `{
  "loadBalancingConfig": [{"pick_first": {}}],
  "methodConfig": [{
    "name": [
      {"service": "socketregistry.v1.SocketRegistry", "method": "Create"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "Write"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "Ask"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "ListSockets"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "GetSocketInfo"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "MarkActive"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "MarkInactive"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "MarkUnresponsive"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "Peek"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "Acknowledge"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "GetMessage"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "Heartbeat"},
      {"service": "socketregistry.v1.SocketRegistry", "method": "GetServerInfo"}
    ],
    "retryPolicy": {
      "maxAttempts": 5,
      "initialBackoff": "0.2s",
      "maxBackoff": "3s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

// dial makes a connection that is opened by the first call.
func dial(address string, options ConnectOptions, interceptors ...grpc.DialOption) (*grpc.ClientConn, error) {
	isLocal := isLoopback(address)
	dialing := append(interceptors,
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(receiveBytesMax),
			grpc.MaxRetryRPCBufferSize(retryBytesMax),
		),
		grpc.WithInitialWindowSize(streamBytes),
		grpc.WithInitialConnWindowSize(connectionBytes),
		// A Read that has waited for hours must notice that the server's machine is gone.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 15 * time.Second}),
		// Below the pauses between two attempts of a loop, so that each of them meets a fresh attempt to connect.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 2, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
	)
	if isLocal {
		// Where a proxy is configured, it would be asked for what is on this machine.
		dialing = append(dialing, grpc.WithNoProxy())
	}
	if options.TLS != nil {
		dialing = append(dialing, grpc.WithTransportCredentials(credentials.NewTLS(options.TLS)))
	} else {
		dialing = append(dialing, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	if options.Token != "" {
		if options.TLS == nil && !isLocal {
			return nil, invalid("a token is sent only over TLS, or to this machine; %s is neither", address)
		}
		dialing = append(dialing, grpc.WithPerRPCCredentials(bearer{token: options.Token, isSecure: options.TLS != nil}))
	}
	connection, err := grpc.NewClient(address, dialing...)
	if err != nil {
		return nil, fmt.Errorf("socketregistry: %q is no address: %w", address, err)
	}
	return connection, nil
}

// isLoopback says whether an address is of this machine for certain.
func isLoopback(address string) bool {
	if strings.HasPrefix(address, "unix:") || strings.HasPrefix(address, "unix-abstract:") {
		return true
	}
	// `dns:///host:port` and the like: what counts comes last.
	host, _, err := net.SplitHostPort(address[strings.LastIndex(address, "/")+1:])
	if err != nil {
		return false
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// bearer is a token as gRPC asks for it.
type bearer struct {
	token    string
	isSecure bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

func (b bearer) RequireTransportSecurity() bool { return b.isSecure }
