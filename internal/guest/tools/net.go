package tools

func curl([]string) int        { return fail(2, "todo") }
func dig([]string) int         { return fail(2, "todo") }
func nslookup([]string) int    { return fail(2, "todo") }
func hostTool([]string) int    { return fail(2, "todo") }
func ec2Metadata([]string) int { return fail(2, "todo") }
