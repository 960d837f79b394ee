// Checks what the folder in its first argument holds by Go's sumdb/note and sumdb/tlog:
// key (a public key), checkpoint (a note), tile/... (the tree), proof (of one entry).
// Prints how many entries were checked; any failure ends it with a message.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var folder = os.Args[1]

func read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		log.Fatal(err)
	}
	return data
}

func tilePath(level string, n int64, width int) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if width < 256 {
		name += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + level + "/" + name
}

type tiles struct{}

func (tiles) Height() int { return 8 }

func (tiles) ReadTiles(wanted []tlog.Tile) (data [][]byte, err error) {
	for _, t := range wanted {
		data = append(data, read(tilePath(strconv.Itoa(t.L), t.N, t.W)))
	}
	return data, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func open(data []byte) tlog.Tree {
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read("key"))))
	if err != nil {
		log.Fatal(err)
	}
	n, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		log.Fatal(err)
	}
	lines := strings.Split(n.Text, "\n")
	if lines[0] != verifier.Name() {
		log.Fatal("another origin")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	hash, err := tlog.ParseHash(lines[2])
	if err != nil {
		log.Fatal(err)
	}
	return tlog.Tree{N: size, Hash: hash}
}

func entries(tree tlog.Tree) (found [][]byte) {
	for first := int64(0); first < tree.N; first += 256 {
		width := int(tree.N - first)
		if width > 256 {
			width = 256
		}
		for data := read(tilePath("entries", first/256, width)); len(data) > 0; {
			size := int(binary.BigEndian.Uint16(data))
			found = append(found, data[2:2+size])
			data = data[2+size:]
		}
	}
	return found
}

func main() {
	tree := open(read("checkpoint"))
	reader := tlog.TileHashReader(tree, tiles{})
	found := entries(tree)
	if int64(len(found)) != tree.N {
		log.Fatal("entries are missing")
	}
	for k, entry := range found {
		proof, err := tlog.ProveRecord(tree.N, int64(k), reader)
		if err != nil {
			log.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(k), tlog.RecordHash(entry)); err != nil {
			log.Fatal(err)
		}
	}
	head, rest, _ := bytes.Cut(read("proof"), []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		log.Fatal(err)
	}
	entry, _, _ := bytes.Cut(extra, []byte("\n"))
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			log.Fatal(err)
		}
		proof = append(proof, hash)
	}
	proved := open(rest)
	if err := tlog.CheckRecord(proof, proved.N, proved.Hash, index, tlog.RecordHash(entry)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(found))
}
