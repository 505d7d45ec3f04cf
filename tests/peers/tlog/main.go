// Checks a published log with Go's golang.org/x/mod/sumdb/note and sumdb/tlog, and nothing of Raakvlak's own code.
//
// Reads one JSON request from standard input, writes what it found as JSON to standard output; exit code 0 also where
// the log is refused. The tiles lie in a folder, by the paths under which an index serves them.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

type request struct {
	Folder      string   // where the tiles lie
	Log         string   // the log's verifier key
	Witnesses   []string // verifier keys of which all must have cosigned
	Checkpoint  string
	Checkpoints []string // older ones that the log must begin with
	Step        int64    // each so manieth entry is proven on its own
}

type answer struct {
	Size     int64
	Root     string
	Cosigned []string
	Proven   int64
	Error    string
}

func main() {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, "tlog: the request can't be read:", err)
		os.Exit(2)
	}
	found, err := check(asked)
	if err != nil {
		found.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(2)
	}
}

func check(asked request) (found answer, err error) {
	log, err := note.NewVerifier(asked.Log)
	if err != nil {
		return found, err
	}
	known := []note.Verifier{log}
	for _, each := range asked.Witnesses {
		witness, err := newWitness(each)
		if err != nil {
			return found, err
		}
		known = append(known, witness)
	}
	tree, signers, err := open(asked.Checkpoint, log, note.VerifierList(known...))
	if err != nil {
		return found, err
	}
	found.Size, found.Root = tree.N, tree.Hash.String()
	for _, each := range known[1:] {
		if !signers[each.Name()] {
			return found, errors.New("not cosigned by " + each.Name())
		}
		found.Cosigned = append(found.Cosigned, each.Name())
	}
	tiles := &folder{asked.Folder, map[tlog.Tile][]byte{}}
	hashes := tlog.TileHashReader(tree, tiles)
	for _, each := range asked.Checkpoints {
		if err := checkBeginning(each, log, tree, hashes); err != nil {
			return found, err
		}
	}
	found.Proven, err = checkEntries(asked.Folder, asked.Step, tree, hashes)
	return found, err
}

// open returns the tree of a checkpoint that the log has signed, and the names of all that signed it.
func open(checkpoint string, log note.Verifier, known note.Verifiers) (tree tlog.Tree, signers map[string]bool, err error) {
	opened, err := note.Open([]byte(checkpoint), known)
	if err != nil {
		return tree, nil, err
	}
	signers = map[string]bool{}
	for _, each := range opened.Sigs {
		signers[each.Name] = true
	}
	if !signers[log.Name()] {
		return tree, nil, errors.New("not signed by the log")
	}
	// Go's checksum database is one log and always begins so; any other log has its name there.
	rest := strings.TrimPrefix(opened.Text, log.Name()+"\n")
	if rest == opened.Text {
		return tree, nil, errors.New("the checkpoint does not bear the log's name")
	}
	tree, err = tlog.ParseTree([]byte("go.sum database tree\n" + rest))
	return tree, signers, err
}

func checkBeginning(checkpoint string, log note.Verifier, tree tlog.Tree, hashes tlog.HashReader) error {
	old, _, err := open(checkpoint, log, note.VerifierList(log))
	if err != nil {
		return err
	}
	if old.N == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// checkEntries hashes every entry, and proves each step-th and the last one under the root.
func checkEntries(where string, step int64, tree tlog.Tree, hashes tlog.HashReader) (proven int64, err error) {
	for first := int64(0); first < tree.N; first += width {
		count := tree.N - first
		if count > width {
			count = width
		}
		entries, err := bundle(where, first/width, int(count))
		if err != nil {
			return proven, err
		}
		var indexes []int64
		for at := range entries {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+int64(at)))
		}
		stored, err := hashes.ReadHashes(indexes)
		if err != nil {
			return proven, err
		}
		for at, entry := range entries {
			position := first + int64(at)
			if stored[at] != tlog.RecordHash(entry) {
				return proven, fmt.Errorf("entry %d does not have its hash", position)
			}
			if position%step != 0 && position != tree.N-1 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, position, hashes)
			if err != nil {
				return proven, err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, position, tlog.RecordHash(entry)); err != nil {
				return proven, fmt.Errorf("entry %d: %w", position, err)
			}
			proven++
		}
	}
	return proven, nil
}

// bundle returns the entries of an entry bundle, which sumdb does not know: there, records are text.
func bundle(where string, number int64, count int) (entries [][]byte, err error) {
	name := served(tlog.Tile{H: height, L: -1, N: number, W: count})
	raw, err := os.ReadFile(filepath.Join(where, name))
	if err != nil {
		return nil, err
	}
	for range make([]struct{}, count) {
		if len(raw) < 2 || len(raw) < 2+int(binary.BigEndian.Uint16(raw)) {
			return nil, errors.New(name + " is cut off")
		}
		end := 2 + int(binary.BigEndian.Uint16(raw))
		entries = append(entries, raw[2:end])
		raw = raw[end:]
	}
	if len(raw) > 0 {
		return nil, errors.New(name + " is too long")
	}
	return entries, nil
}

// served turns Go's path of a tile into C2SP's, which leaves the height out and calls data entries.
func served(tile tlog.Tile) string {
	return strings.Replace(strings.Replace(tile.Path(), "tile/"+strconv.Itoa(height)+"/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

// folder reads tiles from a folder, each once.
type folder struct {
	where string
	kept  map[tlog.Tile][]byte
}

func (f *folder) Height() int { return height }

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		if f.kept[tile] == nil {
			raw, err := os.ReadFile(filepath.Join(f.where, served(tile)))
			if err != nil {
				return nil, err
			}
			f.kept[tile] = raw
		}
		found = append(found, f.kept[tile])
	}
	return found, nil
}

func (f *folder) SaveTiles([]tlog.Tile, [][]byte) {}

// witness verifies a cosignature/v1 line: eight bytes of time and an Ed25519 signature over time and text.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// newWitness reads a verifier key of algorithm 4; sumdb/note reads those of algorithm 1 only.
func newWitness(vkey string) (*witness, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("malformed verifier key of a witness")
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	if len(key) != 1+ed25519.PublicKeySize || key[0] != 4 || keyID(parts[0], key) != uint32(hash) {
		return nil, errors.New("wrong verifier key of a witness")
	}
	return &witness{parts[0], uint32(hash), key[1:]}, nil
}

// keyID is the key hash of a signed note's key, which sumdb/note computes and does not export.
func keyID(name string, key []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature), text)
	return ed25519.Verify(w.key, []byte(signed), signature[8:])
}
