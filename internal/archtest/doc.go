// Package archtest holds the import rules of the house as a test: which package
// may import which. It has no code of its own and is imported by nothing.
package archtest
