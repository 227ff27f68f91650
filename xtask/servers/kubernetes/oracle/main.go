// Answers of Kubernetes' own languages, for tables that tests compare with. Nothing runs it but a person:
//
//	cd xtask/servers/kubernetes && go run ./oracle kubectl < cases.txt > answers.jsonl
//
// A line of the input is a case in JSON: {"object":NAME_OR_NULL,"source":TEXT}, or {"objects":{NAME:OBJECT}}.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

type input struct {
	Objects map[string]json.RawMessage `json:"objects,omitempty"`
	Object  string                     `json:"object,omitempty"`
	Source  string                     `json:"source,omitempty"`
}

// One of the last four says what came of it.
type answer struct {
	Object  string  `json:"object,omitempty"`
	Source  string  `json:"source"`
	Values  *[]any  `json:"values,omitempty"`
	Text    *string `json:"text,omitempty"`
	Refused string  `json:"refused,omitempty"`
	Failed  string  `json:"failed,omitempty"`
	// Kubernetes itself refuses it, but has cel-go's library for it.
	Extended bool `json:"extended,omitempty"`
}

func main() {
	ask := map[string]func(string, any, *answer){"kubectl": kubectl, "cel": expression}[os.Args[1]]
	objects := map[string]json.RawMessage{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		var one input
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Fprintln(os.Stderr, err, lines.Text())
			os.Exit(1)
		}
		if one.Objects != nil {
			objects = one.Objects
			must(out.Encode(one))
			continue
		}
		object := map[string]any{}
		if text, ok := objects[one.Object]; ok {
			must(utiljson.Unmarshal(text, &object))
		}
		result := answer{Object: one.Object, Source: one.Source}
		ask(one.Source, object, &result)
		must(out.Encode(result))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
