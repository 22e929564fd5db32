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
       loadgen idle --port N --connections N
       each with --wire mongodb (the default) or --wire http: a DynamoDB GetItem`

// wire is a protocol by what the two ends need of it. All slices but those of answer and request are views.
type wire interface {
	// next returns the whole message at `from`, or nil when it is not all here yet.
	next(c *conn, from int) ([]byte, error)
	// hello is what a client says first, nil when nothing.
	hello() []byte
	request(connection uint32) []byte
	// stamp marks a request; its reply must carry the mark.
	stamp(request []byte, id uint32)
	answer(request []byte) []byte
	// check wants the reply to be the very one, for the very request.
	check(reply, request []byte) error
}

func wireOf(name string, replyBytes int) (wire, error) {
	switch name {
	case "mongodb":
		return newMongodbWire(replyBytes), nil
	case "http":
		return newHTTPWire(replyBytes), nil
	}
	return nil, fmt.Errorf("unknown wire %q\n%s", name, usage)
}

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
	wireName := flags.String("wire", "mongodb", "what is spoken")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	speaks, err := wireOf(*wireName, *replyBytes)
	if err != nil {
		return err
	}
	// The loops below allocate nothing per operation: one thread, and a collector that need not come.
	debug.SetGCPercent(1000)
	runtime.LockOSThread()
	switch args[0] {
	case "serve":
		return serve(*port, speaks)
	case "load":
		return load(*port, *connections, speaks, *warmup, *measure, *watch)
	case "idle":
		return idle(*port, *connections, speaks)
	}
	return fmt.Errorf("unknown role %q\n%s", args[0], usage)
}
