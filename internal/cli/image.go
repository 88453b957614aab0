package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/musubi-net/musubi/internal/app"
	"github.com/musubi-net/musubi/internal/control"
)

func (c *command) image() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Make AMIs of container images and root file systems",
		Long: `Make AMIs of container images and root file systems. An instance that is launched
from one runs its programs, with its package manager; what the image says is to be
run, unless that is just a shell, runs as the service "image" (systemctl status
image). The kernel is this machine's, and the init is Musubi's.

An AMI belongs to an account and a region, as on AWS. It is public: all accounts
of this Musubi may launch it, unless it is imported with --private. The same name
in the same account and region is replaced by another import. Unpacked, images lie
in memory: once each, however many instances run it.`,
		Args: cobra.NoArgs, // what is no command of it is an error
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.imageImport(), c.imagePull(), c.imageList(), c.imageRemove())
	return cmd
}

// registration is where and how an imported image becomes an AMI.
type registration struct {
	name, description, account string
	regions                    []string
	private                    bool
}

func (r *registration) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.name, "name", "", "name of the AMI (default what the image is called)")
	cmd.Flags().StringVar(&r.description, "description", "", "description of the AMI")
	cmd.Flags().StringVar(&r.account, "account", "000000000000", "account that owns the AMI, 12 digits")
	cmd.Flags().StringSliceVar(&r.regions, "region", nil, "region of the AMI, more than once for several (default $AWS_REGION, $AWS_DEFAULT_REGION or "+
		"ap-northeast-1)")
	cmd.Flags().BoolVar(&r.private, "private", false, "let only its account launch the AMI")
}

// check refuses what registering would refuse after a long import, and a Musubi
// that is not there.
func (c *command) check(ctx context.Context, r *registration) error {
	if len(r.account) != 12 || strings.Trim(r.account, "0123456789") != "" {
		return fmt.Errorf("--account %s: an account is 12 digits", r.account)
	}
	if r.name != "" && (len(r.name) < 3 || len(r.name) > 128 || amiName(r.name) != r.name) {
		return fmt.Errorf("--name %s: AMI names have 3 to 128 letters, numbers, spaces and ()[]./-'@_", r.name)
	}
	if len(r.regions) == 0 {
		r.regions = []string{defaultRegion()}
	}
	if _, err := c.daemonStatus(ctx); err != nil {
		return err
	}
	return nil
}

func (c *command) imageImport() *cobra.Command {
	var r registration
	cmd := &cobra.Command{
		Use:   "import TAR|OCI-LAYOUT",
		Short: "Make an AMI of a file: what docker save wrote, an OCI layout, or a root file system",
		Long: `Make an AMI of a file or directory: what docker save, podman save or skopeo wrote,
an OCI layout (a directory or a tar), or a tar of a root file system, such as that
of docker export or debootstrap. Tars may be compressed with gzip or zstd.

The AMI's id is all that is printed when the output is not a terminal.`,
		Example: "  docker save web:1.2 -o web.tar && musubi image import web.tar\n" +
			"  ami=$(musubi image import rootfs.tar.gz --name my-base)\n" +
			"  musubi image import ./layout --region us-east-1 --region eu-west-1",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.bring(cmd.Context(), &r, func(ctx context.Context, dir string, progress func(done, total int64)) (digest, name string, err error) {
				i, err := app.ImageStore(dir).Import(ctx, args[0], progress)
				return i.Digest, i.Name, err
			})
		},
	}
	r.flags(cmd)
	c.jsonFlag(cmd)
	return cmd
}

func (c *command) imagePull() *cobra.Command {
	var r registration
	var insecure bool
	cmd := &cobra.Command{
		Use:   "pull REFERENCE",
		Short: "Make an AMI of an image in a registry",
		Long: `Make an AMI of an image in a registry, with the credentials that docker login left.
Of an image for several platforms, the one for this machine is taken.

The AMI's id is all that is printed when the output is not a terminal.`,
		Example: "  musubi image pull debian:12\n  musubi image pull registry.example.com/team/web:1.2 --name web\n" +
			"  musubi image pull --insecure localhost:5000/web",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.bring(cmd.Context(), &r, func(ctx context.Context, dir string, progress func(done, total int64)) (digest, name string, err error) {
				i, err := app.PullImage(ctx, dir, args[0], insecure, progress)
				return i.Digest, i.Name, err
			})
		},
	}
	r.flags(cmd)
	cmd.Flags().BoolVar(&insecure, "insecure", false, "speak HTTP to the registry, or HTTPS with any certificate")
	c.jsonFlag(cmd)
	return cmd
}

// bring puts an image into the store and registers it.
func (c *command) bring(ctx context.Context, r *registration,
	get func(ctx context.Context, dir string, progress func(done, total int64)) (digest, name string, err error)) error {
	if err := c.check(ctx, r); err != nil {
		return err
	}
	dir, err := c.stateDir()
	if err != nil {
		return err
	}
	digest, name, err := get(ctx, dir, c.progress())
	c.clearLine()
	if err != nil {
		return err
	}
	if r.name == "" {
		r.name = amiName(name)
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	var made []control.Image
	for _, region := range r.regions {
		i, err := cl.RegisterImage(ctx, control.NewImage{Digest: digest, Name: r.name, Description: r.description,
			Account: r.account, Region: region, Public: !r.private})
		if err != nil {
			return c.refused(err)
		}
		made = append(made, i)
	}
	return c.announceImages(made)
}

// announceImages prints the ids, and for people what to do with them.
func (c *command) announceImages(made []control.Image) error {
	if c.json {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		return e.Encode(made)
	}
	if !term.IsTerminal(int(c.out.Fd())) {
		for _, i := range made {
			c.printf("%s\n", i.ID)
		}
		return nil
	}
	for _, i := range made {
		c.printf("%s  %s in %s of account %s\n", c.colour("1", i.ID), i.Name, i.Region, i.Account)
	}
	i := made[0]
	c.printf(`
Launch it:

  aws ec2 run-instances --region %s --image-id %s --instance-type t3.micro --subnet-id subnet-…

or with Terraform:

  data "aws_ami" "this" {
    owners = ["%s"]
    filter {
      name   = "name"
      values = ["%s"]
    }
  }
`, i.Region, i.ID, i.Account, i.Name)
	return nil
}

func (c *command) imageList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the AMIs that were imported or created",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := c.listImages(cmd.Context())
			if err != nil {
				return err
			}
			if c.json {
				e := json.NewEncoder(c.out)
				e.SetIndent("", "  ")
				return e.Encode(all)
			}
			w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "AMI\tNAME\tACCOUNT\tREGION\tSTATE\tSIZE\tDIGEST")
			for _, i := range all {
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Name, i.Account, i.Region, i.State, size(i.Size), shortDigest(i))
			}
			return w.Flush()
		},
	}
	c.jsonFlag(cmd)
	return cmd
}

func (c *command) imageRemove() *cobra.Command {
	return &cobra.Command{
		Use:     "rm AMI|NAME",
		Aliases: []string{"remove"},
		Short:   "Deregister an AMI and remove what it is made of",
		Long: `Deregister an AMI, or those of a name in all regions, and remove what it is made of
when no other AMI and no instance uses it. Instances that run it go on.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := c.listImages(cmd.Context())
			if err != nil {
				return err
			}
			found, err := chooseImages(all, args[0])
			if err != nil {
				return err
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			for _, i := range found {
				if err := cl.RemoveImage(cmd.Context(), i.ID); err != nil {
					return c.refused(err)
				}
				c.printf("%s\n", i.ID)
			}
			return nil
		},
	}
}

func (c *command) listImages(ctx context.Context) ([]control.Image, error) {
	cl, err := c.client()
	if err != nil {
		return nil, err
	}
	all, err := cl.Images(ctx)
	if err != nil {
		return nil, c.refused(err)
	}
	return all, nil
}

// chooseImages finds an AMI by its id, or those of a name, which must be of one
// account.
func chooseImages(all []control.Image, want string) ([]control.Image, error) {
	var found []control.Image
	var ids []string
	several := false
	for _, i := range all {
		if i.ID == want {
			return []control.Image{i}, nil
		}
		if i.Name == want {
			several = several || len(found) > 0 && found[0].Account != i.Account
			found, ids = append(found, i), append(ids, i.ID+" of account "+i.Account)
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("no AMI that was imported or created has the id or name %q; musubi image ls lists them", want)
	case several:
		return nil, fmt.Errorf("several accounts have an AMI named %q: say which: %s", want, strings.Join(ids, ", "))
	}
	return found, nil
}

// amiName makes a name that AWS would take of what an image is called.
func amiName(s string) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("()[] ./-'@_", r)) {
			return r
		}
		return '-'
	}, s)
	for len(name) < 3 {
		name += "-image"
	}
	return name[:min(len(name), 128)]
}

// shortDigest is enough of a digest to tell images apart; a created image has its
// disk's.
func shortDigest(i control.Image) string {
	d := i.Digest
	if i.DiskDigest != "" {
		d = i.DiskDigest
	}
	_, hex, _ := strings.Cut(d, ":")
	if hex == "" {
		return "-"
	}
	return hex[:min(len(hex), 12)]
}

func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}

// onTerminal tells whether messages go to a person.
func (c *command) onTerminal() bool {
	f, ok := c.err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress shows how far a long work is, if somebody looks.
func (c *command) progress() func(done, total int64) {
	if !c.onTerminal() {
		return nil
	}
	shown := int64(-1)
	return func(done, total int64) {
		step := int64(0)
		if total > 0 {
			step = done * 200 / total
		}
		if step == shown {
			return
		}
		shown = step
		_, _ = fmt.Fprintf(c.err, "\r\x1b[K%s of %s", size(done), size(total))
	}
}

// clearLine takes the progress away.
func (c *command) clearLine() {
	if c.onTerminal() {
		_, _ = io.WriteString(c.err, "\r\x1b[K")
	}
}
