// Command zip packs files and folders, in one order, with one time and one of two modes,
// so that the same contents give the same bytes on any machine. What stands behind an
// equals sign is the name in the archive; without it the base name is.
//
//	zip dist/deployment.zip dist/deployment/bootstrap
//	zip module.zip infra dist/arm64=dist
package main

import (
	"archive/zip"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/flate" // 3 % smaller archives than the standard library's
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: zip ARCHIVE PATH[=NAME]...")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "zip:", err)
		os.Exit(1)
	}
}

// pack writes an archive of the files below paths.
func pack(archive string, paths []string) error {
	files, err := find(paths)
	if err != nil {
		return err
	}
	out, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer out.Close()
	w := zip.NewWriter(out)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	for _, f := range files {
		if err := f.add(w); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Close()
}

// file is one of an archive.
type file struct {
	path, name string
	mode       fs.FileMode
}

// find returns the files below paths in the order of their names in the archive.
func find(paths []string) (files []file, err error) {
	for _, p := range paths {
		from, name, _ := strings.Cut(p, "=")
		name = cmp.Or(name, filepath.Base(from))
		err := filepath.WalkDir(from, func(at string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := os.Stat(at) // of what a link leads to
			if err != nil {
				return err
			}
			below, err := filepath.Rel(from, at)
			files = append(files, file{at, path.Join(name, filepath.ToSlash(below)), mode(info)})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// mode leaves of a file's mode whether its owner may execute it: the rest is the umask's.
func mode(info fs.FileInfo) fs.FileMode {
	if info.Mode()&0o100 != 0 {
		return 0o755
	}
	return 0o644
}

func (f file) add(w *zip.Writer) error {
	content, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer content.Close()
	head := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	head.SetMode(f.mode)
	entry, err := w.CreateHeader(head)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, content)
	return err
}
