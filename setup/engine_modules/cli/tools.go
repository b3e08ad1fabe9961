//go:build tools

// Package tools names the commands that set-up builds, so that go.mod and go.sum pin all that they need.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
