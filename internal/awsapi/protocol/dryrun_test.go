package protocol_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

// ledger stands for an engine: it commits unless apply fails.
type ledger struct{ committed int }

func (*ledger) Snapshot() *cloud.Snapshot { return nil }

func (l *ledger) Run(_ context.Context, _ cloud.Caller, apply func(*cloud.Tx) error) error {
	err := apply(nil)
	if err == nil {
		l.committed++
	}
	return err
}

func TestDryRunner(t *testing.T) {
	l := &ledger{}
	runner := protocol.DryRunner(l)
	var outcome error
	h := door(t, protocol.Service{Model: ec2.Model(), Operations: []protocol.Operation{
		protocol.Op("DeleteVpc", func(ctx context.Context, c *protocol.Call, _ *ec2.DeleteVpcRequest) (*ec2.DeleteVpcResult, error) {
			return nil, runner.Run(ctx, c.Caller, func(*cloud.Tx) error { return outcome })
		}),
	}})
	for _, tt := range []struct {
		dry       string
		outcome   error
		want      string
		committed int
	}{
		{"true", nil, "<Code>DryRunOperation</Code>", 0},
		{"true", cloud.Errorf(cloud.KindInUse, "vpc", "", "in use"), "<Code>DependencyViolation</Code>", 0},
		{"true", errors.New("broken"), "<Code>InternalError</Code>", 0},
		{"false", nil, "<return>true</return>", 1},
	} {
		outcome = tt.outcome
		_, text, _ := send(t, h, signed("POST", "/", "ec2", form("Action", "DeleteVpc", "VpcId", "vpc-1", "DryRun", tt.dry)))
		if !strings.Contains(text, tt.want) || l.committed != tt.committed {
			t.Errorf("%+v: %s, %d committed", tt, text, l.committed)
		}
	}
}
