package kernel_test

import (
	"testing"

	"github.com/musubi-net/musubi/test/lab"
)

func TestMain(m *testing.M) { lab.MainAsBoth(m) }
