//go:build tools

// Package tools keeps the server in go.mod: without an import `go mod tidy` would drop it.
package tools

import _ "go.etcd.io/etcd/server/v3"
