package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func (c *command) env() *cobra.Command {
	var account, region string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print what points AWS clients at the running Musubi",
		Long: `Print shell lines that point every AWS client at the running Musubi. The account
is the access key id: any 12 digits are an account of their own.`,
		Example: "  eval \"$(musubi env)\"\n  eval \"$(musubi env --account 222222222222 --region us-east-1)\"",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
				return fmt.Errorf("--account %s: an account is 12 digits", account)
			}
			s, err := c.daemonStatus(cmd.Context())
			if err != nil {
				return err
			}
			vars := map[string]string{
				"AWS_ENDPOINT_URL":          s.API,
				"AWS_ACCESS_KEY_ID":         account,
				"AWS_SECRET_ACCESS_KEY":     "musubi",
				"AWS_REGION":                region,
				"AWS_DEFAULT_REGION":        region,
				"AWS_EC2_METADATA_DISABLED": "true",
			}
			if c.json {
				return json.NewEncoder(c.out).Encode(vars)
			}
			names := make([]string, 0, len(vars))
			for n := range vars {
				names = append(names, n)
			}
			slices.Sort(names)
			for _, n := range names {
				c.printf("export %s=%s\n", n, vars[n])
			}
			// What is set from elsewhere would win over, or spoil, the above.
			for _, n := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"} {
				if os.Getenv(n) != "" {
					c.printf("unset %s\n", n)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&account, "account", "000000000000", "account, 12 digits")
	cmd.Flags().StringVar(&region, "region", defaultRegion(), "region")
	c.jsonFlag(cmd)
	return cmd
}

// defaultRegion keeps a region that the user works in already.
func defaultRegion() string {
	for _, n := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if r := os.Getenv(n); r != "" {
			return r
		}
	}
	return "ap-northeast-1"
}

func (c *command) jsonFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
}
