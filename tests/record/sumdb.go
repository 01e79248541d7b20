// Reads our checkpoint and tiles with Go's golang.org/x/mod/sumdb, which we did not write, and prints what it proves.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder string

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		// Go names the height in the path, tlog-tiles does not.
		content, err := os.ReadFile(filepath.Join(string(f), "tile", strings.TrimPrefix(tile.Path(), "tile/8/")))
		if err != nil {
			return nil, err
		}
		all = append(all, content)
	}
	return all, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	where, vkey := folder(os.Args[1]), os.Args[2]
	signed, err := os.ReadFile(filepath.Join(os.Args[1], "checkpoint"))
	must(err)
	verifier, err := note.NewVerifier(vkey)
	must(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	reader := tlog.TileHashReader(tree, where)
	said := map[string][]string{}
	for n := int64(0); n < size; n += 1 + size/40 {
		proof, err := tlog.ProveRecord(size, n, reader)
		must(err)
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		must(err)
		if hashes[0] != tlog.RecordHash([]byte(fmt.Sprintf("event %d", n))) {
			must(fmt.Errorf("leaf %d differs", n))
		}
		must(tlog.CheckRecord(proof, size, tree.Hash, n, hashes[0]))
		for _, hash := range proof {
			said[fmt.Sprintf("inclusion %d", n)] = append(said[fmt.Sprintf("inclusion %d", n)], hash.String())
		}
		if n == 0 {
			continue
		}
		grown, err := tlog.ProveTree(size, n, reader)
		must(err)
		old, err := tlog.TreeHash(n, reader)
		must(err)
		must(tlog.CheckTree(grown, size, tree.Hash, n, old))
		for _, hash := range grown {
			said[fmt.Sprintf("consistency %d", n)] = append(said[fmt.Sprintf("consistency %d", n)], hash.String())
		}
	}
	must(json.NewEncoder(os.Stdout).Encode(said))
}
