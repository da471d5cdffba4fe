package artifact

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// entry is an entry of a zip that somebody made.
type entry struct {
	name    string
	content string
	change  func(*zip.FileHeader)
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.change != nil {
			e.change(h)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const detail = "imageDetail.json"

func TestUnpack(t *testing.T) {
	zipped := archive(t, entry{name: "folder/"}, entry{name: "folder/" + detail, content: "no"}, entry{name: detail, content: `{"a": 1}`})
	if content, ok, err := unpack(zipped, detail); err != nil || !ok || string(content) != `{"a": 1}` {
		t.Errorf("%s, %v, error %v", content, ok, err)
	}
	if _, ok, err := unpack(zipped, "other.json"); err != nil || ok {
		t.Errorf("%v, error %v", ok, err)
	}
}

func TestPackGivesTheSameBytes(t *testing.T) {
	one, err := pack(detail, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	two, _ := pack(detail, []byte("x"))
	content, ok, err := unpack(one, detail)
	if !bytes.Equal(one, two) || err != nil || !ok || string(content) != "x" {
		t.Errorf("%s, error %v", content, err)
	}
}

// liar makes the directory of a zip say another size than its entry has.
func liar(t *testing.T, size uint32, content string) []byte {
	t.Helper()
	zipped := archive(t, entry{name: detail, content: content})
	at := bytes.LastIndex(zipped, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(zipped[at+24:], size)
	return zipped
}

func TestZipsThatNoHonestActionMakes(t *testing.T) {
	many := make([]entry, maxEntries+1)
	for i := range many {
		many[i] = entry{name: "a"}
	}
	zeros := strings.Repeat("\x00", maxUnzipped/2+1)
	good := archive(t, entry{name: detail, content: "{}"})
	for name, c := range map[string]struct {
		zipped []byte
		want   string
	}{
		"no zip":                {[]byte("not a zip"), "no legal zip"},
		"nothing":               {nil, "no legal zip"},
		"cut off":               {good[:len(good)-10], "no legal zip"},
		"a path outside":        {archive(t, entry{name: "../" + detail}), `entry "../imageDetail.json": want a path inside`},
		"a path outside, later": {archive(t, entry{name: detail, content: "{}"}, entry{name: "a/../../b"}), "want a path inside"},
		"an absolute path":      {archive(t, entry{name: "/etc/passwd"}), "want a path inside"},
		"a path of Windows":     {archive(t, entry{name: `..\x`}), "want a path inside"},
		"no name":               {archive(t, entry{name: ""}), "want a path inside"},
		"twice":                 {archive(t, entry{name: detail, content: "{}"}, entry{name: detail, content: "{}"}), "twice"},
		"many entries":          {archive(t, many...), "1001 entries"},
		"a bomb":                {archive(t, entry{name: "a", content: zeros}, entry{name: "b", content: zeros}), "more than 16777216 bytes when unzipped"},
		"a bomb in the file":    {archive(t, entry{name: detail, content: strings.Repeat(" ", maxFile+1)}), "more than 102400 bytes"},
		"a bomb that lies":      {liar(t, 10, strings.Repeat(" ", maxFile*10)), detail},
		"a size beyond all":     {liar(t, 1<<32-2, "{}"), "when unzipped"},
		"a password":            {archive(t, entry{name: detail, content: "{}", change: func(h *zip.FileHeader) { h.Flags |= encrypted }}), "want a plain file"},
		"a link":                {archive(t, entry{name: detail, content: "/etc/passwd", change: func(h *zip.FileHeader) { h.SetMode(0o777 | 1<<27) }}), "want a plain file"},
	} {
		if content, ok, err := unpack(c.zipped, detail); err == nil || ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d bytes, %v, error %v", name, len(content), ok, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, entry{name: detail, content: "{}"}))
	f.Add(archive(f, entry{name: "../x"}))
	f.Fuzz(func(t *testing.T, zipped []byte) {
		content, ok, err := unpack(zipped, detail)
		if ok && err != nil || len(content) > maxFile || !ok && content != nil && err == nil {
			t.Errorf("%d bytes, %v, error %v", len(content), ok, err)
		}
	})
}
