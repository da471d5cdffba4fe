// Command zip packs a Lambda function: the bootstrap at the root of the archive,
// executable, with a fixed time, so that the same binary gives the same bytes.
//
//	zip dist/deployment.zip dist/deployment/bootstrap
package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/flate" // 3 % smaller archives than the standard library's
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: zip ARCHIVE BOOTSTRAP")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "zip:", err)
		os.Exit(1)
	}
}

func pack(archive, bootstrap string) error {
	binary, err := os.ReadFile(bootstrap)
	if err != nil {
		return err
	}
	out, err := os.Create(archive)
	if err != nil {
		return err
	}
	w := zip.NewWriter(out)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	head := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	head.SetMode(0o755)
	entry, err := w.CreateHeader(head)
	if err != nil {
		return err
	}
	if _, err := entry.Write(binary); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Close()
}
