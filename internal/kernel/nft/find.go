package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// find returns which of a table's two names is in use: the one that has chains
// where packets enter. None, if neither has.
func (c *Conn) find(name string) (string, error) {
	if now, ok := c.live[name]; ok {
		return now, nil
	}
	b := c.frame(nil, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, []byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0})
	if err := unix.Sendto(c.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return "", fmt.Errorf("list chains: %w", err)
	}
	found, buf := "", make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(c.fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("list chains: %w", err)
		}
		for b := buf[:n]; len(b) >= 20; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < 20 || size > len(b) {
				return "", errors.New("list chains: a message is cut off")
			}
			switch binary.NativeEndian.Uint16(b[4:]) {
			case unix.NLMSG_DONE:
				return found, nil
			case unix.NLMSG_ERROR:
				if code := int32(binary.NativeEndian.Uint32(b[16:])); code != 0 {
					return "", fmt.Errorf("list chains: %w", unix.Errno(-code))
				}
			case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWCHAIN:
				if table, entered := chainOf(b[20:size]); entered && (table == name+"0" || table == name+"1") {
					found = table
				}
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

// chainOf reads a chain's table, and whether packets enter there.
func chainOf(b []byte) (table string, entered bool) {
	for len(b) >= 4 {
		size := int(binary.NativeEndian.Uint16(b))
		if size < 4 || size > len(b) {
			break
		}
		switch binary.NativeEndian.Uint16(b[2:]) &^ unix.NLA_F_NESTED {
		case unix.NFTA_CHAIN_TABLE:
			table = strings.TrimRight(string(b[4:size]), "\x00")
		case unix.NFTA_CHAIN_HOOK:
			entered = true
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return table, entered
}
