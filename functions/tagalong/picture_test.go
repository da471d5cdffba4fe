//go:build page

package main

import (
	"bytes"
	"image/png"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/api"
	"github.com/tagalong-aws/tagalong/functions/internal/dev/browser"
	"github.com/tagalong-aws/tagalong/functions/internal/page"
)

// TestThePictureOfThePage takes the README's picture: the page of the sandbox's story, half
// an hour after its end. With -update it is written. Browsers differ in their pixels, so
// without it what it shows is checked, and that the README has one of its size.
func TestThePictureOfThePage(t *testing.T) {
	st, _ := sandboxed(t, "told")
	q := st.queries
	q.Now = func() time.Time { return testNow }
	log := slog.New(slog.DiscardHandler)
	server := httptest.NewServer(page.Handler(q, api.Handler(q, log), log))
	defer server.Close()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	b := browser.Start(t)
	for _, dark := range []bool{false, true} {
		view := browser.View{Dark: dark, Width: 1300}
		b.Look(view, 560, 2)
		b.Open(server.URL + "/")
		for _, want := range []string{"from build-43, which failed", "behind staging", "tag blocked", "not deployed"} {
			if text := b.Text(); !strings.Contains(text, want) {
				t.Errorf("%q is not in %s", want, text)
			}
		}
		file := ".github/page-" + map[bool]string{true: "dark", false: "light"}[dark] + ".png"
		shot := b.Picture()
		if *update {
			if err := os.WriteFile("../../"+file, shot, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		want, errTaken := png.DecodeConfig(bytes.NewReader(shot))
		got, errKept := png.DecodeConfig(bytes.NewReader(kept))
		if errTaken != nil || errKept != nil || got.Width != want.Width || got.Height < want.Height*9/10 || got.Height > want.Height*11/10 {
			t.Errorf("%s is %dx%d, and the page %dx%d: make picture takes it anew; %v %v", file, got.Width, got.Height, want.Width, want.Height, errTaken, errKept)
		}
		if !strings.Contains(string(readme), file) {
			t.Errorf("the README does not show %s", file)
		}
	}
}
