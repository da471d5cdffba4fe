package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/api"
	"github.com/tagalong-aws/tagalong/functions/internal/page"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
)

type serveCommand struct {
	API    bool   `name:"api" help:"Serve the HTTP API alone, without the page."`
	Remote string `placeholder:"URL" help:"Do not read the table, but pass everything on to the function history at this URL, signed with your credentials."`
	Listen string `default:"127.0.0.1:8080" placeholder:"ADDRESS" help:"Where to listen, on the loopback interface only; port 0 picks a free one. Default: ${default}."`
}

func (serveCommand) Help() string {
	return `Examples:

  tagalong serve
  tagalong serve --remote https://abcdefghij.lambda-url.us-east-1.on.aws/
  curl -s http://127.0.0.1:8080/v1/environments/prod/running | jq

There is no authentication: everybody on this machine can ask what your credentials may read. It ends with Ctrl-C.
`
}

const (
	headerTimeout = 10 * time.Second // to read a request's head
	idleTimeout   = 2 * time.Minute
	farewell      = 5 * time.Second // for the requests that are under way at the end
)

func (c *serveCommand) Run(s *session) error {
	if err := checkLoopback(c.Listen); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(s.stderr, nil))
	handler, err := c.handler(s, log)
	if err != nil {
		return err
	}
	listener, err := listen(s.ctx, c.Listen)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	if c.API {
		fmt.Fprintf(s.stdout, "The API listens on %s until you end it with Ctrl-C. For example:\n\n  %s/v1/environments\n  %s/openapi.json\n", url, url, url)
	} else {
		fmt.Fprintf(s.stdout, "The page is at %s/ until you end it with Ctrl-C, and the API beside it:\n\n  %s/v1/environments\n  %s/openapi.json\n", url, url, url)
	}
	return serve(s.ctx, listener, onlyLocal(notFromElsewhere(handler)), log)
}

// handler answers from the ledger, or asks the function at a URL.
func (c *serveCommand) handler(s *session, log *slog.Logger) (http.Handler, error) {
	if c.Remote != "" {
		to, err := remoteURL(c.Remote)
		if err != nil {
			return nil, err
		}
		return s.remote(to, log)
	}
	q, err := s.queries()
	if err != nil {
		return nil, err
	}
	handler := api.Handler(q, log)
	if c.API {
		return handler, nil
	}
	return page.Handler(q, handler, log), nil
}

// errNotLoopback refuses an address that other machines could reach.
var errNotLoopback = errors.New("address is not on the loopback interface: want 127.0.0.1:PORT, [::1]:PORT or localhost:PORT, since there is no authentication")

func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return usageError{fmt.Errorf("--listen: %w", err)}
	}
	if !loopback(host) {
		return usageError{fmt.Errorf("--listen %s: %w", address, errNotLoopback)}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// listen looks at the address that it got, too: localhost is what the machine
// says it is.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		listener.Close()
		return nil, fmt.Errorf("--listen %s: %w", address, errNotLoopback)
	}
	return listener, nil
}

// onlyLocal refuses requests that name another host: a page of the web whose name
// resolves to this machine could make a browser send them.
func onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		if !loopback(host) {
			api.Refuse(w, r, http.StatusMisdirectedRequest, fmt.Sprintf("host %q: want the loopback address that tagalong serve printed", host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// notFromElsewhere refuses what a page of another site makes a browser ask for: it could
// not read the answer, but learn from how long that takes, and our credentials would be
// used. Links to us may be followed.
func notFromElsewhere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		followed := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" && !followed {
			api.Refuse(w, r, http.StatusForbidden, "a page of another site asks for this: want a request of this page, or a link to it that is followed")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serve answers until ctx ends, and then lets the requests under way finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout, // no request has a body worth waiting for
		IdleTimeout:       idleTimeout,
		// OPTIONS * would be answered before it came to the handler.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	var serving parallel.Group
	serving.Go(func() { ended <- server.Serve(listener) })
	select {
	case err := <-ended:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	defer serving.Wait()
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer stop()
	if err := server.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("ending the requests under way: %w", err), server.Close())
	}
	return nil
}
