package dns

import (
	"slices"
	"strings"
)

// ReverseLabels turns "www.example.com." into "com.example.www.".
func ReverseLabels(name string) string {
	l := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(l)
	return strings.Join(l, ".") + "."
}
