package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// mongodbWire asks one find over and over. Replies are built once; only responseTo is patched per request.
type mongodbWire struct{ find, hi, legacyHi, ok []byte }

func newMongodbWire(replyBytes int) *mongodbWire {
	return &mongodbWire{
		find:     findReply(replyBytes),
		hi:       msg(helloBody()),
		legacyHi: legacyHelloReply(),
		ok:       msg(newDoc().double("ok", 1)),
	}
}

func (w *mongodbWire) next(c *conn, from int) ([]byte, error) {
	have := c.filled - from
	if have < headerBytes {
		return nil, nil
	}
	length := int(binary.LittleEndian.Uint32(c.in[from:]))
	if length < headerBytes || length > maxMessageBytes {
		return nil, fmt.Errorf("framing is lost: a message of %d bytes", length)
	}
	if have < length {
		c.grow(length)
		return nil, nil
	}
	return c.in[from : from+length], nil
}

func (w *mongodbWire) hello() []byte {
	request := helloRequest()
	w.stamp(request, 1)
	return request
}

func (w *mongodbWire) request(connection uint32) []byte { return findRequest(connection) }

func (w *mongodbWire) stamp(request []byte, id uint32) {
	binary.LittleEndian.PutUint32(request[4:], id)
}

func (w *mongodbWire) answer(request []byte) []byte {
	reply := w.canned(request)
	copy(reply[8:12], request[4:8])
	return reply
}

func (w *mongodbWire) check(reply, request []byte) error {
	if !bytes.Equal(reply[8:12], request[4:8]) {
		return fmt.Errorf("a reply for request %d came on a connection that asked %d",
			binary.LittleEndian.Uint32(reply[8:]), binary.LittleEndian.Uint32(request[4:]))
	}
	if len(reply) != len(w.find) || !bytes.Equal(reply[12:], w.find[12:]) {
		return fmt.Errorf("a reply of %d bytes differs from what the server sends (%d bytes)", len(reply), len(w.find))
	}
	return nil
}

func (w *mongodbWire) canned(request []byte) []byte {
	if binary.LittleEndian.Uint32(request[12:]) == opQuery {
		return w.legacyHi
	}
	const nameAt = headerBytes + 4 + 1 + 4 + 1
	// A conversion inside a switch does not allocate.
	switch string(cString(request, nameAt)) {
	case "find":
		return w.find
	case "hello", "ismaster", "isMaster":
		return w.hi
	}
	return w.ok
}

func cString(b []byte, from int) []byte {
	for i := from; i < len(b); i++ {
		if b[i] == 0 {
			return b[from:i]
		}
	}
	return nil
}
