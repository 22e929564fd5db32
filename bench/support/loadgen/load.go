package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const replyTimeout = 10 * time.Second

// client is one connection with at most one request open: the closed loop.
type client struct {
	*conn
	request []byte
	sentAt  int64
	open    bool
}

type result struct {
	Operations   int     `json:"operations"`
	Seconds      float64 `json:"seconds"`
	PerSecond    float64 `json:"perSecond"`
	P50Us        float64 `json:"p50Us"`
	P99Us        float64 `json:"p99Us"`
	MaxUs        float64 `json:"maxUs"`
	WatchedCPUUs float64 `json:"watchedCpuUs"`
	OwnCPUUs     float64 `json:"ownCpuUs"`
	// Everything sent on these connections, warm-up included, handshakes left out: what a counter in between must show.
	Sent     int `json:"sent"`
	Received int `json:"received"`
}

func dial(port int, speaks wire) (*client, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	timeout := syscall.NsecToTimeval(int64(replyTimeout))
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout); err != nil {
		return nil, err
	}
	if err := connect(fd, &syscall.SockaddrInet4{Port: port, Addr: loopback}); err != nil {
		return nil, fmt.Errorf("connect to port %d: %w", port, err)
	}
	c := &client{conn: newConn(fd), request: speaks.request(uint32(fd))}
	if err := c.handshake(speaks); err != nil {
		return nil, fmt.Errorf("hello on port %d: %w", port, err)
	}
	return c, prepare(fd)
}

// connect goes on after a signal: the attempt does too, and EISCONN says that it stands.
func connect(fd int, to *syscall.SockaddrInet4) error {
	err := syscall.Connect(fd, to)
	for err == syscall.EINTR || err == syscall.EALREADY {
		err = syscall.Connect(fd, to)
	}
	if err == syscall.EISCONN {
		return nil
	}
	return err
}

// handshake blocks, with a deadline: it is not measured.
func (c *client) handshake(speaks wire) error {
	request := speaks.hello()
	if request == nil {
		return nil
	}
	if _, err := syscall.Write(c.fd, request); err != nil {
		return err
	}
	for {
		before := c.filled
		open, err := c.fill()
		if !open {
			return fmt.Errorf("closed without a reply (%v)", err)
		}
		if c.filled == before {
			return fmt.Errorf("no reply in %v", replyTimeout)
		}
		reply, err := speaks.next(c.conn, 0)
		if err != nil {
			return err
		}
		if reply != nil {
			c.consume(len(reply))
			return nil
		}
	}
}

func dialAll(port, connections int, speaks wire) ([]*client, error) {
	clients := make([]*client, 0, connections)
	for range connections {
		c, err := dial(port, speaks)
		if err != nil {
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// loop drives every client from one thread with epoll, so that it costs less than any proxy it measures.
type loop struct {
	epoll    int
	clients  map[int32]*client
	speaks   wire
	nextID   uint32
	sent     int
	received int
	// In steps of 0.1 µs up to 100 ms; slower ones count in the last step and in maxNs.
	histogram []uint32
	maxNs     int64
	start     time.Time
}

const histogramSteps = 1_000_000

func newLoop(clients []*client, speaks wire) (*loop, error) {
	epoll, err := syscall.EpollCreate1(0)
	if err != nil {
		return nil, err
	}
	l := &loop{
		epoll: epoll, clients: map[int32]*client{}, speaks: speaks, nextID: 1,
		histogram: make([]uint32, histogramSteps), start: time.Now(),
	}
	for _, c := range clients {
		l.clients[int32(c.fd)] = c
		if err := c.want(epoll, syscall.EPOLL_CTL_ADD); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *loop) nowNs() int64 { return int64(time.Since(l.start)) }

func (l *loop) ask(c *client) error {
	l.nextID++
	l.speaks.stamp(c.request, l.nextID)
	c.open = true
	c.sentAt = l.nowNs()
	l.sent++
	return c.send(c.request)
}

func (l *loop) askAll() error {
	for _, c := range l.clients {
		if !c.open {
			if err := l.ask(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// run answers events until `untilNs`, asking again on each connection that was answered; with `again` false, until none is open.
func (l *loop) run(untilNs int64, again bool) error {
	events := make([]syscall.EpollEvent, 256)
	for l.nowNs() < untilNs && (again || l.sent > l.received) {
		n, err := syscall.EpollWait(l.epoll, events, 100)
		if err != nil && err != syscall.EINTR {
			return err
		}
		for i := 0; i < n; i++ {
			if err := l.step(l.clients[events[i].Fd], again); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loop) step(c *client, again bool) error {
	if len(c.out) > 0 {
		if err := c.flush(); err != nil {
			return err
		}
	}
	open, err := c.fill()
	if !open {
		return fmt.Errorf("the connection was closed with a request open (%v)", err)
	}
	reply, err := l.speaks.next(c.conn, 0)
	if err != nil {
		return err
	}
	if reply != nil {
		if err := l.check(c, reply); err != nil {
			return err
		}
		c.consume(len(reply))
		if again {
			if err := l.ask(c); err != nil {
				return err
			}
		}
	}
	return c.want(l.epoll, syscall.EPOLL_CTL_MOD)
}

// check wants the very bytes that the server was given to send, for the very request that is open, and nothing after them.
func (l *loop) check(c *client, reply []byte) error {
	if !c.open || c.filled != len(reply) {
		return fmt.Errorf("%d bytes came where a reply of %d bytes was expected", c.filled, len(reply))
	}
	if err := l.speaks.check(reply, c.request); err != nil {
		return err
	}
	ns := l.nowNs() - c.sentAt
	l.histogram[min(ns/100, histogramSteps-1)]++
	l.maxNs = max(l.maxNs, ns)
	c.open = false
	l.received++
	return nil
}

func (l *loop) quantileUs(q float64) float64 {
	total := 0
	for _, n := range l.histogram {
		total += int(n)
	}
	rank, seen := int(math.Ceil(q*float64(total))), 0
	for i, n := range l.histogram {
		seen += int(n)
		if seen >= rank {
			return float64(i) / 10
		}
	}
	return 0
}

func load(port, connections int, speaks wire, warmup, measure time.Duration, watch int) error {
	clients, err := dialAll(port, connections, speaks)
	if err != nil {
		return err
	}
	l, err := newLoop(clients, speaks)
	if err != nil {
		return err
	}
	if err := l.askAll(); err != nil {
		return err
	}
	if err := l.run(l.nowNs()+int64(warmup), true); err != nil {
		return err
	}
	clear(l.histogram)
	l.maxNs = 0
	countBefore, ownBefore := l.received, ownCPUUs()
	watchedBefore, err := cpuUs(watch)
	if err != nil {
		return err
	}
	begin := l.nowNs()
	if err := l.run(begin+int64(measure), true); err != nil {
		return err
	}
	watchedAfter, err := cpuUs(watch)
	if err != nil {
		return err
	}
	end := l.nowNs()
	r := result{
		Operations: l.received - countBefore, Seconds: float64(end-begin) / 1e9,
		P50Us: l.quantileUs(0.5), P99Us: l.quantileUs(0.99), MaxUs: float64(l.maxNs) / 1000,
		WatchedCPUUs: watchedAfter - watchedBefore, OwnCPUUs: ownCPUUs() - ownBefore,
	}
	r.PerSecond = float64(r.Operations) / r.Seconds
	// The requests still open must be answered too, or something was lost.
	if err := l.run(l.nowNs()+int64(replyTimeout), false); err != nil {
		return err
	}
	r.Sent, r.Received = l.sent, l.received
	if r.Sent != r.Received || r.Operations == 0 {
		return fmt.Errorf("%d requests, %d replies, %d of them measured", r.Sent, r.Received, r.Operations)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// idle opens connections, says so, waits for the end of stdin, and then proves that each is still alive with one find.
func idle(port, connections int, speaks wire) error {
	clients, err := dialAll(port, connections, speaks)
	if err != nil {
		return err
	}
	fmt.Printf("{\"connected\":%d}\n", len(clients))
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	l, err := newLoop(clients, speaks)
	if err != nil {
		return err
	}
	if err := l.askAll(); err != nil {
		return err
	}
	if err := l.run(l.nowNs()+int64(replyTimeout), false); err != nil {
		return err
	}
	if l.received != connections {
		return fmt.Errorf("%d of %d idle connections still answer", l.received, connections)
	}
	fmt.Printf("{\"answered\":%d}\n", l.received)
	return nil
}

// cpuUs is user and system time of all threads of a process, ended ones too (proc(5), /proc/pid/stat fields 14 and 15).
func cpuUs(pid int) (float64, error) {
	if pid == 0 {
		return 0, nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, field 2, may hold spaces and parentheses.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err := strconv.ParseFloat(fields[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[12], 64)
	// USER_HZ is 100 on every Linux port that Node runs on.
	return (user + system) * 10_000, err
}

func ownCPUUs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1000
}
