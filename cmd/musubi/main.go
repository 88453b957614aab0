// Command musubi: see internal/cli.
package main

import (
	"os"

	"github.com/musubi-net/musubi/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args)) }
