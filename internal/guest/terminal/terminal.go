// Package terminal opens pseudo-terminals. It may import nothing of the project.
package terminal

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Open opens a new terminal of a devpts by its ptmx.
func Open(ptmx, dir string) (master, slave *os.File, err error) {
	master, err = os.OpenFile(ptmx, os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("terminal: %w", err)
	}
	number, err := Control(master, func(fd int) (int, error) {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return 0, err
		}
		return unix.IoctlGetInt(fd, unix.TIOCGPTN)
	})
	if err == nil {
		slave, err = os.OpenFile(dir+"/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		_ = master.Close()
		return nil, nil, fmt.Errorf("terminal: %w", err)
	}
	return master, slave, nil
}

// Resize tells the terminal its size; the kernel tells the programs on it.
func Resize(f *os.File, rows, columns uint16) error {
	_, err := Control(f, func(fd int) (int, error) {
		return 0, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	})
	return err
}

// Control runs an ioctl without taking the file out of the poller.
func Control(f *os.File, do func(fd int) (int, error)) (int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var n int
	var inner error
	if err := raw.Control(func(fd uintptr) { n, inner = do(int(fd)) }); err != nil {
		return 0, err
	}
	return n, inner
}
