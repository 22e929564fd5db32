package main

import (
	"encoding/binary"
	"math"
)

const (
	headerBytes = 16
	opReply     = 1
	opQuery     = 2004
	opMsg       = 2013
	// What every server announces as maxMessageSizeBytes; longer means that framing is lost.
	maxMessageBytes = 48_000_000
)

// doc builds one BSON document by appending; just the types that these messages need.
type doc struct{ b []byte }

func newDoc() *doc { return &doc{b: make([]byte, 4, 512)} }

func (d *doc) key(kind byte, name string) *doc {
	d.b = append(d.b, kind)
	d.b = append(d.b, name...)
	d.b = append(d.b, 0)
	return d
}

func (d *doc) str(name, value string) *doc {
	d.key(0x02, name)
	d.b = binary.LittleEndian.AppendUint32(d.b, uint32(len(value)+1))
	d.b = append(d.b, value...)
	d.b = append(d.b, 0)
	return d
}

func (d *doc) int32(name string, value int32) *doc {
	d.key(0x10, name)
	d.b = binary.LittleEndian.AppendUint32(d.b, uint32(value))
	return d
}

func (d *doc) int64(name string, value int64) *doc { return d.eight(0x12, name, uint64(value)) }

func (d *doc) date(name string, ms int64) *doc { return d.eight(0x09, name, uint64(ms)) }

func (d *doc) double(name string, value float64) *doc {
	return d.eight(0x01, name, math.Float64bits(value))
}

func (d *doc) eight(kind byte, name string, value uint64) *doc {
	d.key(kind, name)
	d.b = binary.LittleEndian.AppendUint64(d.b, value)
	return d
}

func (d *doc) bool(name string, value bool) *doc {
	d.key(0x08, name)
	if value {
		d.b = append(d.b, 1)
	} else {
		d.b = append(d.b, 0)
	}
	return d
}

func (d *doc) objectID(name string, low byte) *doc {
	d.key(0x07, name)
	d.b = append(d.b, 0x65, 0x4f, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e, 0x6f, 0x70, 0x81, 0x92, low)
	return d
}

func (d *doc) uuid(name string, value [16]byte) *doc {
	d.key(0x05, name)
	d.b = append(d.b, 16, 0, 0, 0, 0x04)
	d.b = append(d.b, value[:]...)
	return d
}

func (d *doc) sub(name string, value *doc) *doc {
	d.key(0x03, name)
	d.b = append(d.b, value.end()...)
	return d
}

func (d *doc) array(name string, values ...*doc) *doc {
	list := newDoc()
	digits := "0123456789"
	for i, value := range values {
		list.sub(digits[i:i+1], value)
	}
	d.key(0x04, name)
	d.b = append(d.b, list.end()...)
	return d
}

func (d *doc) end() []byte {
	d.b = append(d.b, 0)
	binary.LittleEndian.PutUint32(d.b, uint32(len(d.b)))
	return d.b
}

func message(opcode uint32, parts ...[]byte) []byte {
	out := make([]byte, headerBytes)
	for _, part := range parts {
		out = append(out, part...)
	}
	binary.LittleEndian.PutUint32(out, uint32(len(out)))
	binary.LittleEndian.PutUint32(out[12:], opcode)
	return out
}

// msg is an OP_MSG with no flags and one body section.
func msg(body *doc) []byte { return message(opMsg, []byte{0, 0, 0, 0, 0}, body.end()) }

// findRequest has the fields, in the order, of `collection.find({...}).sort().limit()` in the Node driver.
func findRequest(connection uint32) []byte {
	session := [16]byte{0x9b, 0x1d, 0x4e, 0x77, 0x20, 0x31, 0x4a, 0x5c, 0x8e, 0x0f, 0x63, 0x55}
	binary.LittleEndian.PutUint32(session[12:], connection)
	return msg(newDoc().
		str("find", "orders").
		sub("filter", newDoc().int32("customerId", 48_213).str("status", "open")).
		sub("sort", newDoc().int32("createdAt", -1)).
		int32("limit", 20).
		sub("lsid", newDoc().uuid("id", session)).
		str("$db", "shop"))
}

// findReply answers it with three small orders, or with one padded document when at least `size` bytes are wanted.
func findReply(size int) []byte {
	build := func(batch ...*doc) []byte {
		cursor := newDoc().array("firstBatch", batch...).int64("id", 0).str("ns", "shop.orders")
		return msg(newDoc().sub("cursor", cursor).double("ok", 1))
	}
	order := func(i byte) *doc {
		return newDoc().objectID("_id", i).int32("customerId", 48_213).str("status", "open").
			double("total", 129.5+float64(i)).date("createdAt", 1_760_000_000_000+int64(i))
	}
	small := build(order(1), order(2), order(3))
	if size <= len(small) {
		return small
	}
	empty := len(build(order(1).str("note", "")))
	return build(order(1).str("note", string(make([]byte, max(0, size-empty)))))
}

// helloRequest is the handshake as drivers without a declared API version still send it: OP_QUERY, with client metadata.
func helloRequest() []byte {
	client := newDoc().
		sub("driver", newDoc().str("name", "nodejs").str("version", "7.9.0")).
		str("platform", "Node.js v20.20.2, LE").
		sub("os", newDoc().str("name", "linux").str("architecture", "x64").str("type", "Linux")).
		sub("application", newDoc().str("name", "bench"))
	query := newDoc().int32("ismaster", 1).bool("helloOk", true).sub("client", client)
	head := append(make([]byte, 4), "admin.$cmd\x00"...)
	head = append(head, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)
	return message(opQuery, head, query.end())
}

func helloBody() *doc {
	return newDoc().bool("helloOk", true).bool("ismaster", true).
		int32("maxBsonObjectSize", 16_777_216).int32("maxMessageSizeBytes", maxMessageBytes).int32("maxWriteBatchSize", 100_000).
		date("localTime", 1_760_000_000_000).int32("logicalSessionTimeoutMinutes", 30).int32("connectionId", 1).
		int32("minWireVersion", 0).int32("maxWireVersion", 25).bool("readOnly", false).double("ok", 1)
}

// legacyHelloReply is an OP_REPLY: responseFlags 8 (AwaitCapable), no cursor, one document.
func legacyHelloReply() []byte {
	head := make([]byte, 20)
	head[0], head[16] = 8, 1
	return message(opReply, head, helloBody().end())
}
