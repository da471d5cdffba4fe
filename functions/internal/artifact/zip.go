package artifact

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// The limits of what is unzipped. An entry's own word for its size is not taken:
// what is read is counted.
const (
	maxEntries  = 1000
	maxUnzipped = 16 << 20 // of all entries, by their own word
	maxFile     = 100 << 10
)

// unpack returns a file of a zip; ok is false if there is none. Other entries are
// checked too: one that would leave its folder, or that swells, is no accident.
func unpack(zipped []byte, name string) (content []byte, ok bool, err error) {
	archive, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, false, fmt.Errorf("no legal zip: %w", err)
	}
	wanted, err := check(archive.File, name)
	if err != nil || wanted == nil {
		return nil, false, err
	}
	content, err = read(wanted)
	return content, err == nil, err
}

// check looks at all entries and returns the wanted one, nil if it is not there.
func check(entries []*zip.File, name string) (wanted *zip.File, err error) {
	if len(entries) > maxEntries {
		return nil, fmt.Errorf("%d entries: want at most %d", len(entries), maxEntries)
	}
	var size uint64
	for _, entry := range entries {
		if !fs.ValidPath(strings.TrimSuffix(entry.Name, "/")) || strings.ContainsAny(entry.Name, "\\\x00") {
			return nil, fmt.Errorf("entry %.200q: want a path inside of the artifact", entry.Name)
		}
		if size += entry.UncompressedSize64; entry.UncompressedSize64 > maxUnzipped || size > maxUnzipped {
			return nil, fmt.Errorf("more than %d bytes when unzipped", maxUnzipped)
		}
		if entry.Name != name {
			continue
		}
		if wanted != nil {
			return nil, fmt.Errorf("%s twice", name)
		}
		wanted = entry
	}
	return wanted, nil
}

// encrypted is the flag of an entry with a password,
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT 4.4.4.
const encrypted = 1

func read(entry *zip.File) ([]byte, error) {
	if entry.Flags&encrypted != 0 || !entry.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: want a plain file", entry.Name)
	}
	file, err := entry.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", entry.Name, err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", entry.Name, err)
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("%s: more than %d bytes", entry.Name, maxFile)
	}
	return content, nil
}

// pack makes a zip of one file. It has no time in it: the same file gives the
// same bytes, and a job that is done again writes what was written.
func pack(name string, content []byte) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	file, err := archive.Create(name)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(content); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
