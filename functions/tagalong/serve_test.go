package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// served starts tagalong serve on a free port, and returns its URL, and a function
// that ends it and returns its exit status and what it logged.
func served(t *testing.T, flags ...string) (url string, end func() (status int, log string)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	printed, stdout := io.Pipe()
	var log bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...), world{strings.NewReader(""), stdout, &log, os.Getenv, func() time.Time { return testNow }})
		stdout.Close()
	}()
	text, err := io.ReadAll(io.LimitReader(printed, 60)) // the URL is in the first words
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, printed)
	url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(string(text))
	if url == "" {
		stop()
		t.Fatalf("no URL in %q, exit status %d: %s", text, <-status, &log)
	}
	t.Cleanup(stop)
	return url, func() (int, string) {
		stop()
		return <-status, log.String()
	}
}

func get(t *testing.T, url, host string) (status int, body string) {
	t.Helper()
	reply, body := fetch(t, url, host)
	return reply.StatusCode, body
}

func fetch(t *testing.T, url, host string) (reply *http.Response, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		request.Host = host
	}
	reply, err = http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	raw, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply, string(raw)
}

func TestServeRefusesInTheFormOfTheAPI(t *testing.T) {
	sandboxed(t, "told")
	url, _ := served(t)
	reply, body := fetch(t, url+"/v1/environments", "rebound.example.com")
	var problem struct {
		Status            int
		Detail, RequestID string
	}
	if err := json.Unmarshal([]byte(body), &problem); err != nil || reply.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%s %s: %v", reply.Header, body, err)
	}
	if problem.Status != http.StatusMisdirectedRequest || !strings.Contains(problem.Detail, `host "rebound.example.com": want`) || problem.RequestID == "" {
		t.Errorf("%s", body)
	}
	if reply := optionsOfAll(t, strings.TrimPrefix(url, "http://")); reply.StatusCode != http.StatusMethodNotAllowed || reply.Header.Get("Allow") != "GET, HEAD" || reply.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("OPTIONS *: %d %v", reply.StatusCode, reply.Header)
	}
}

// optionsOfAll asks by hand, since the client knows no such target.
func optionsOfAll(t *testing.T, address string) *http.Response {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	reply, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	return reply
}

func TestServe(t *testing.T) {
	sandboxed(t, "told")
	url, end := served(t)
	if status, body := get(t, url+"/v1/environments", ""); status != http.StatusOK || !strings.Contains(body, `"prod"`) || !strings.Contains(body, `"staging"`) {
		t.Errorf("environments: %d %s", status, body)
	}
	if status, body := get(t, url+"/v1/environments/prod/running?at=2026-03-04T09:00:00Z", "localhost:80"); status != http.StatusOK || !strings.Contains(body, "build-41") {
		t.Errorf("running: %d %s", status, body)
	}
	for _, host := range []string{"rebound.example.com", "rebound.example.com:8080", "10.0.0.1"} {
		if status, body := get(t, url+"/v1/environments", host); status != http.StatusMisdirectedRequest || strings.Contains(body, "prod") {
			t.Errorf("host %s: %d %s", host, status, body)
		}
	}
	for _, host := range []string{"[::1]", "[::1]:8080", "localhost"} {
		if status, _ := get(t, url+"/v1/environments", host); status != http.StatusOK {
			t.Errorf("host %s: %d", host, status)
		}
	}
	if r := tagalongIn(t.Context(), "", "serve", "--api", "--listen", strings.TrimPrefix(url, "http://")); r.status != exitFailed || !strings.Contains(r.stderr, "--listen: listen tcp") {
		t.Errorf("an address that is taken: %+v", r)
	}
	status, log := end()
	if status != exitDone || !strings.Contains(log, "level=INFO") || !strings.Contains(log, "/v1/environments") {
		t.Errorf("exit status %d, log %s", status, log)
	}
	if reply, err := http.Get(url); err == nil {
		reply.Body.Close()
		t.Error("it still listens")
	}
}

// TestServeShowsThePage asks for it, and for the API alone.
func TestServeShowsThePage(t *testing.T) {
	sandboxed(t, "told")
	url, _ := served(t)
	if status, body := get(t, url+"/?at=2026-03-04T09:16:00Z", ""); status != http.StatusOK || !strings.Contains(body, "As of 2026-03-04 09:16 UTC, not now.") || !strings.Contains(body, "19 min behind staging") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(t, url+"/", "rebound.example.com"); status != http.StatusMisdirectedRequest || strings.Contains(body, "prod") {
		t.Errorf("another host: %d %s", status, body)
	}
	api, _ := served(t, "--api")
	if status, body := get(t, api+"/", ""); status != http.StatusNotFound || !strings.Contains(body, "/openapi.json") {
		t.Errorf("--api: %d %s", status, body)
	}
}

// TestServeRefusesWhatOtherSitesAskFor sends what a browser says of a request.
func TestServeRefusesWhatOtherSitesAskFor(t *testing.T) {
	sandboxed(t, "told")
	url, _ := served(t)
	for headers, want := range map[[3]string]int{
		{"cross-site", "no-cors", "image"}:     http.StatusForbidden,
		{"cross-site", "cors", "empty"}:        http.StatusForbidden,
		{"cross-site", "navigate", "iframe"}:   http.StatusForbidden,
		{"cross-site", "navigate", "document"}: http.StatusOK,
		{"same-origin", "cors", "empty"}:       http.StatusOK,
		{"none", "navigate", "document"}:       http.StatusOK,
		{"", "", ""}:                           http.StatusOK, // not from a browser
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/environments", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
			if headers[i] != "" {
				request.Header.Set(name, headers[i])
			}
		}
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if reply.Body.Close(); reply.StatusCode != want {
			t.Errorf("%q: status %d, want %d", headers, reply.StatusCode, want)
		}
	}
}

func TestServeWithoutATable(t *testing.T) {
	hide(t)
	if r := tagalongIn(t.Context(), "", "serve", "--api"); r.status != exitUsage || !strings.Contains(r.stderr, "no table") {
		t.Errorf("%+v", r)
	}
}
