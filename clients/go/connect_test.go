package socketregistry

import (
	"crypto/tls"
	"testing"

	"google.golang.org/grpc/codes"
)

func TestATokenStaysOnThisMachineOrGoesOverTLS(t *testing.T) {
	for address, isAllowed := range map[string]bool{
		"127.0.0.1:1":                true,
		"localhost:1":                true,
		"[::1]:1":                    true,
		"unix:/tmp/socket":           true,
		"dns:///127.0.0.1:1":         true,
		"registry.example:1":         false,
		"localhost.example:1":        false,
		"10.0.0.1:1":                 false,
		"dns:///registry.example:53": false,
		"127.0.0.1":                  false,
	} {
		registry, err := Connect(address, &ConnectOptions{Token: "secret"})
		expect(t, address, err == nil, isAllowed)
		if err == nil {
			check(t, registry.Close())
		} else {
			expect(t, address, codeOf(err), codes.InvalidArgument)
		}
		registry, err = Connect(address, &ConnectOptions{Token: "secret", TLS: &tls.Config{}})
		check(t, err)
		check(t, registry.Close())
	}
}
