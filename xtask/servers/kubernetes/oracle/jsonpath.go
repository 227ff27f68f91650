package main

import (
	"bytes"
	"fmt"

	"k8s.io/client-go/util/jsonpath"
)

// What `kubectl get -o jsonpath` does, which lets keys be missing.
func kubectl(source string, object any, result *answer) {
	defer func() {
		if reason := recover(); reason != nil {
			result.Values, result.Text = nil, nil
			result.Failed = fmt.Sprint(reason)
		}
	}()
	path := jsonpath.New("out").AllowMissingKeys(true)
	if err := path.Parse(source); err != nil {
		result.Refused = err.Error()
		return
	}
	parsed, _ := jsonpath.Parse("out", source)
	single := len(parsed.Root.Nodes) == 1 && parsed.Root.Nodes[0].Type() == jsonpath.NodeList
	if single {
		lists, err := path.FindResults(object)
		if err != nil {
			result.Failed = err.Error()
			return
		}
		values := []any{}
		for _, list := range lists {
			for _, value := range list {
				values = append(values, value.Interface())
			}
		}
		result.Values = &values
		return
	}
	var text bytes.Buffer
	if err := path.Execute(&text, object); err != nil {
		result.Failed = err.Error()
		return
	}
	written := text.String()
	result.Text = &written
}
