package mnist

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// want holds the SHA-256 of the files in the original program's repository. For its two large image
// files, it is that of the unpacked files of the distributor.
var want = map[string]string{
	"training/images.dat":     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
	"training/labels.dat":     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
	"query/images.dat":        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
	"query/labels.dat":        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
	"medium/query/images.dat": "de7c252b04f05e1f8309634180ccdf286dc6dbac8c579b74e76e02ae0331ca52",
	"medium/query/labels.dat": "832c0d20f0dc42e575488c75a83a970787d4c8d4d05831b2ef03701b4a478a90",
	"small/query/images.dat":  "806da1c8626ed91a2ec572ed80666121226e1de20cec504c2787812cac71d159",
	"small/query/labels.dat":  "1a053e1de7d8946ac62b3ae5a196d52d2e96bc66fd695815a7e29f0310f9c031",
}

// TestWrite compares every file that Write writes with the original program's.
func TestWrite(t *testing.T) {
	dir, err := Fetch()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := Write(out, dir); err != nil {
		t.Fatal(err)
	}
	for name, sum := range want {
		b, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s: SHA-256 %x, want %s", name, got, sum)
		}
	}
}
