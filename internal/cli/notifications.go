package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/control"
)

// followPause is the time between two looks for new messages.
const followPause = 300 * time.Millisecond

func (c *command) notifications() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "notifications [TOPIC]",
		Short: "Print the messages of SNS topics",
		Long: `Print what was published to SNS topics: to one, by name or ARN, or to all. The
newest 1000 messages of a topic are kept. VPC endpoint connection notifications
arrive here, if the topic's policy lets vpce.amazonaws.com publish.`,
		Example: "  musubi notifications\n  musubi notifications endpoint-events --follow",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			topic := ""
			if len(args) == 1 {
				topic = args[0]
			}
			return c.readNotifications(cmd, topic, follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on printing what arrives")
	c.jsonFlag(cmd)
	return cmd
}

func (c *command) readNotifications(cmd *cobra.Command, topic string, follow bool) error {
	ctx := cmd.Context()
	cl, err := c.client()
	if err != nil {
		return err
	}
	tick := time.NewTicker(followPause)
	defer tick.Stop()
	for after, first := uint32(0), true; ; first = false {
		n, err := cl.Notifications(ctx, topic, after)
		switch {
		case err != nil && follow && ctx.Err() != nil:
			return nil
		case err != nil:
			return c.notRunning(err)
		case topic != "" && len(n.Topics) == 0:
			return fmt.Errorf("there is no SNS topic %s", topic)
		}
		if err := c.printNotifications(n, follow, first); err != nil || !follow {
			return err
		}
		for _, m := range n.Messages {
			after = max(after, m.Number)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// printNotifications prints one look's messages: as JSON one list, or one object
// a line while following.
func (c *command) printNotifications(n control.Notifications, follow, first bool) error {
	e := json.NewEncoder(c.out)
	switch {
	case c.json && follow:
		for _, m := range n.Messages {
			if err := e.Encode(m); err != nil {
				return err
			}
		}
		return nil
	case c.json:
		e.SetIndent("", "  ")
		return e.Encode(n)
	}
	for _, m := range n.Messages {
		name := m.Topic[strings.LastIndexByte(m.Topic, ':')+1:]
		c.printf("%s  %s  %s\n", m.At.Local().Format(time.DateTime), c.colour("36", name), m.Subject)
		c.printf("  %s\n", strings.ReplaceAll(m.Message, "\n", "\n  "))
	}
	if !first {
		return nil
	}
	for _, arn := range slices.Sorted(maps.Keys(n.Dropped)) {
		c.printf("%s %d messages for %s were dropped: its policy does not let their sender publish\n", c.colour("33", "note:"), n.Dropped[arn], arn)
	}
	return nil
}
