package sandbox

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
)

// Start listens on a free port of the loopback interface. It gives the URL to
// point AWS_ENDPOINT_URL at, and a function that stops listening.
func (s *Sandbox) Start() (url string, stop func(), err error) {
	return s.Listen("127.0.0.1:0")
}

// ErrNotLoopback refuses an address that other machines could reach: the
// sandbox lets everybody do everything.
var ErrNotLoopback = errors.New("address is not on the loopback interface")

// Listen is Start on an address of the caller's choice, such as
// 127.0.0.1:4567.
func (s *Sandbox) Listen(addr string) (url string, stop func(), err error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", nil, fmt.Errorf("listening on %q: %w", addr, ErrNotLoopback)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	var serving parallel.Group
	serving.Go(func() { _ = server.Serve(listener) }) // ends with ErrServerClosed
	stop = func() {
		_ = server.Close()
		serving.Wait()
	}
	return "http://" + listener.Addr().String(), stop, nil
}
