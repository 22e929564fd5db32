package main

import "syscall"

// conn is one non-blocking socket: what was read and not yet understood, and what could not be written at once.
type conn struct {
	fd      int
	in      []byte
	filled  int
	out     []byte
	waiting bool
}

func newConn(fd int) *conn { return &conn{fd: fd, in: make([]byte, 4096)} }

// fill reads once. It returns false at the end of the stream, on a reset, and true when there is nothing yet.
func (c *conn) fill() (bool, error) {
	if c.filled == len(c.in) {
		c.in = append(c.in, make([]byte, len(c.in))...)
	}
	n, err := syscall.Read(c.fd, c.in[c.filled:])
	// Go's runtime sends signals to its own threads.
	for err == syscall.EINTR {
		n, err = syscall.Read(c.fd, c.in[c.filled:])
	}
	if err == syscall.EAGAIN {
		return true, nil
	}
	if err != nil || n == 0 {
		return false, err
	}
	c.filled += n
	return true, nil
}

// grow makes room for a message of that length.
func (c *conn) grow(length int) {
	if length > len(c.in) {
		grown := make([]byte, length)
		copy(grown, c.in[:c.filled])
		c.in = grown
	}
}

// consume drops the first n bytes.
func (c *conn) consume(n int) {
	copy(c.in, c.in[n:c.filled])
	c.filled -= n
}

// send writes at once what the kernel takes and keeps the rest for flush. The slice is copied only then.
func (c *conn) send(b []byte) error {
	if len(c.out) > 0 {
		c.out = append(c.out, b...)
		return nil
	}
	n, err := syscall.Write(c.fd, b)
	for err == syscall.EINTR {
		n, err = syscall.Write(c.fd, b)
	}
	if err == syscall.EAGAIN {
		n, err = 0, nil
	}
	if err != nil {
		return err
	}
	if n < len(b) {
		c.out = append(c.out, b[n:]...)
	}
	return nil
}

func (c *conn) flush() error {
	rest := c.out
	c.out = c.out[:0]
	return c.send(rest)
}

// want tells epoll what this connection waits for, only when that changed.
func (c *conn) want(epoll int, op int) error {
	writing := len(c.out) > 0
	if op == syscall.EPOLL_CTL_MOD && writing == c.waiting {
		return nil
	}
	c.waiting = writing
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(c.fd)}
	if writing {
		event.Events |= syscall.EPOLLOUT
	}
	return syscall.EpollCtl(epoll, op, c.fd, &event)
}

func prepare(fd int) error {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return err
	}
	return syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
}
