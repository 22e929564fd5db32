// Command loadgen is both ends of the benchmark: the canned server and the closed-loop client, each its own process.
// It is compiled so that it leaves the processor to what is measured. Linux only (epoll, /proc), standard library only.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

var loopback = [4]byte{127, 0, 0, 1}

const usage = `usage: loadgen serve [--port N] [--reply-bytes N]
       loadgen load --port N --connections N --warmup 500ms --measure 2s [--watch PID] [--reply-bytes N]
       loadgen idle --port N --connections N`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no role\n%s", usage)
	}
	flags := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	port := flags.Int("port", 0, "port on 127.0.0.1: where to listen (0: any) or to connect")
	connections := flags.Int("connections", 16, "connections to open")
	replyBytes := flags.Int("reply-bytes", 0, "pad find replies up to this size; the same for server and client")
	warmup := flags.Duration("warmup", 500*time.Millisecond, "load that is not measured")
	measure := flags.Duration("measure", 2*time.Second, "load that is measured")
	watch := flags.Int("watch", 0, "process whose CPU time is read at both ends of the measured time")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	// The loops below allocate nothing per operation: one thread, and a collector that need not come.
	debug.SetGCPercent(1000)
	runtime.LockOSThread()
	switch args[0] {
	case "serve":
		return serve(*port, *replyBytes)
	case "load":
		return load(*port, *connections, *replyBytes, *warmup, *measure, *watch)
	case "idle":
		return idle(*port, *connections)
	}
	return fmt.Errorf("unknown role %q\n%s", args[0], usage)
}
