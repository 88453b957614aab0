package kernel

// LimitTransactions makes a world that was just opened send no more bytes to
// nftables at once.
func (w *World) LimitTransactions(bytes int) { w.transaction = bytes }
