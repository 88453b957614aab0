package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The reasons of an unhealthy target. A network load balancer gives only the
// first.
const (
	ReasonFailed   = "Target.FailedHealthChecks"
	ReasonTimeout  = "Target.Timeout"
	ReasonMismatch = "Target.ResponseCodeMismatch"
)

// mismatch is a code that the matcher does not have.
type mismatch struct {
	code    int
	matcher string
}

func (m mismatch) Error() string { return fmt.Sprintf("code %d does not match %s", m.code, m.matcher) }

// reasonOf is what an application load balancer says of failures: the codes, if
// there were any, else whether all of them were timeouts.
func reasonOf(errs []error) (reason, detail string) {
	var codes []int
	late := true
	for _, err := range errs {
		var m mismatch
		switch {
		case errors.As(err, &m):
			codes = append(codes, m.code)
		case !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded):
			late = false
		}
	}
	if len(codes) > 0 {
		slices.Sort(codes)
		var texts []string
		for _, c := range slices.Compact(codes) {
			texts = append(texts, strconv.Itoa(c))
		}
		return ReasonMismatch, strings.Join(texts, ", ")
	}
	if late {
		return ReasonTimeout, ""
	}
	return ReasonFailed, ""
}
