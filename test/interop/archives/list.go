// Lists what archive/tar reads of each archive: names and contents, or why it does not read it.
package main

import (
	"archive/tar"
	"encoding/json"
	"io"
	"os"
	"strings"
)

func read(path string) any {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	reader := tar.NewReader(file)
	found := map[string]string{}
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			return err.Error()
		}
		name := strings.TrimSuffix(strings.TrimPrefix(header.Name, "./"), "/")
		switch header.Typeflag {
		case tar.TypeXGlobalHeader:
		case tar.TypeDir:
			if name != "" && name != "." {
				found[name+"/"] = ""
			}
		case tar.TypeReg:
			content, err := io.ReadAll(reader)
			if err != nil {
				return err.Error()
			}
			found[name] = string(content)
		default:
			found[name] = "type " + string(header.Typeflag)
		}
	}
}

func main() {
	all := []any{}
	for _, path := range os.Args[1:] {
		all = append(all, read(path))
	}
	json.NewEncoder(os.Stdout).Encode(all)
}
