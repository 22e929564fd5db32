package main

import (
	"fmt"
	"os"
	"syscall"
)

// serve answers canned replies on one thread until it is killed. It prints `{"port":N}` when it listens.
func serve(port int, speaks wire) error {
	listener, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := syscall.SetsockoptInt(listener, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := syscall.Bind(listener, &syscall.SockaddrInet4{Port: port, Addr: loopback}); err != nil {
		return err
	}
	if err := syscall.Listen(listener, 4096); err != nil {
		return err
	}
	if err := syscall.SetNonblock(listener, true); err != nil {
		return err
	}
	bound, err := syscall.Getsockname(listener)
	if err != nil {
		return err
	}
	fmt.Printf("{\"port\":%d}\n", bound.(*syscall.SockaddrInet4).Port)
	return serveLoop(listener, speaks)
}

func serveLoop(listener int, speaks wire) error {
	epoll, err := syscall.EpollCreate1(0)
	if err != nil {
		return err
	}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(listener)}
	if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, listener, &event); err != nil {
		return err
	}
	conns := map[int32]*conn{}
	events := make([]syscall.EpollEvent, 256)
	for {
		n, err := syscall.EpollWait(epoll, events, -1)
		if err != nil && err != syscall.EINTR {
			return err
		}
		for i := 0; i < n; i++ {
			if events[i].Fd == int32(listener) {
				if err := acceptAll(epoll, listener, conns); err != nil {
					return err
				}
				continue
			}
			c := conns[events[i].Fd]
			if c == nil {
				continue
			}
			if open, err := serveOne(epoll, c, speaks); !open {
				if err != nil && err != syscall.ECONNRESET && err != syscall.EPIPE {
					fmt.Fprintln(os.Stderr, "canned server:", err)
				}
				syscall.Close(c.fd)
				delete(conns, events[i].Fd)
			}
		}
	}
}

func acceptAll(epoll, listener int, conns map[int32]*conn) error {
	for {
		fd, _, err := syscall.Accept(listener)
		if err == syscall.EAGAIN {
			return nil
		}
		if err == syscall.ECONNABORTED || err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if err := prepare(fd); err != nil {
			return err
		}
		c := newConn(fd)
		conns[int32(fd)] = c
		if err := c.want(epoll, syscall.EPOLL_CTL_ADD); err != nil {
			return err
		}
	}
}

func serveOne(epoll int, c *conn, speaks wire) (bool, error) {
	if len(c.out) > 0 {
		if err := c.flush(); err != nil {
			return false, err
		}
	}
	open, err := c.fill()
	if !open {
		return false, err
	}
	used := 0
	for {
		request, err := speaks.next(c, used)
		if err != nil {
			return false, err
		}
		if request == nil {
			break
		}
		used += len(request)
		if err := c.send(speaks.answer(request)); err != nil {
			return false, err
		}
	}
	if used > 0 {
		c.consume(used)
	}
	if err := c.want(epoll, syscall.EPOLL_CTL_MOD); err != nil {
		return false, err
	}
	return true, nil
}

// answer picks by opcode and by the first key of an OP_MSG's body (these clients send it first, without checksum).
