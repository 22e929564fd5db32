package main

import (
	"bytes"
	"fmt"
	"strconv"
)

const (
	requestID = "amz-sdk-invocation-id"
	replyID   = "x-amzn-requestid"
	hexDigits = "0123456789abcdef"
	idBytes   = 8
	// Of the answer to a small GetItem.
	defaultBodyBytes = 1_024
)

// httpWire asks one DynamoDB GetItem over and over, as AWS SDK 3 for JavaScript says it.
type httpWire struct {
	reply []byte
	// Where the mark stands in the reply as it is sent.
	markAt int
	body   []byte
}

func newHTTPWire(replyBytes int) *httpWire {
	body := itemBody(max(replyBytes, defaultBodyBytes))
	head := "HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Thu, 26 Nov 2026 18:00:00 GMT\r\n" +
		"Content-Type: application/x-amz-json-1.0\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n" +
		"x-amz-crc32: 2745614147\r\n" + replyID + ": "
	reply := append([]byte(head+"00000000\r\n\r\n"), body...)
	return &httpWire{reply: reply, markAt: len(head), body: body}
}

func itemBody(size int) []byte {
	const head, tail = `{"Item":{"id":{"S":"48213"},"status":{"S":"open"},"total":{"N":"129.5"},"note":{"S":"`, `"}}}`
	note := bytes.Repeat([]byte("x"), max(0, size-len(head)-len(tail)))
	return append(append([]byte(head), note...), tail...)
}

func (w *httpWire) hello() []byte { return nil }

func (w *httpWire) request(uint32) []byte {
	const body = `{"TableName":"orders","Key":{"id":{"S":"48213-2026"}}}`
	return []byte("POST / HTTP/1.1\r\n" + requestID + ": 00000000\r\nhost: 127.0.0.1:8000\r\n" +
		"content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.GetItem\r\n" +
		"x-amz-date: 20261126T180000Z\r\nx-amz-user-agent: aws-sdk-js/3.900.0\r\n" +
		"user-agent: aws-sdk-js/3.900.0 ua/2.1 os/linux lang/js md/nodejs#20.20.2 api/dynamodb#3.900.0\r\n" +
		"amz-sdk-request: attempt=1; max=3\r\n" +
		"authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261126/eu-central-1/dynamodb/aws4_request, " +
		"SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-target, " +
		"Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n" +
		"accept: */*\r\ncontent-length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

func (w *httpWire) stamp(request []byte, id uint32) {
	// The first field, so that its place is known.
	at := len("POST / HTTP/1.1\r\n") + len(requestID) + 2
	for i := range idBytes {
		request[at+i] = hexDigits[id>>(28-4*i)&15]
	}
}

func (w *httpWire) next(c *conn, from int) ([]byte, error) {
	have := c.in[from:c.filled]
	end := bytes.Index(have, []byte("\r\n\r\n"))
	if end < 0 {
		if len(have) > 65_536 {
			return nil, fmt.Errorf("a head of more than 64 KiB")
		}
		return nil, nil
	}
	length, err := strconv.Atoi(string(field(have[:end+2], "content-length")))
	if err != nil {
		return nil, fmt.Errorf("a message without Content-Length: %.200q", have)
	}
	whole := end + 4 + length
	if len(have) < whole {
		c.grow(from + whole)
		return nil, nil
	}
	return have[:whole], nil
}

// field returns the value of a field, whose name a proxy may have spelt otherwise.
func field(head []byte, name string) []byte {
	for len(head) > 0 {
		end := bytes.Index(head, []byte("\r\n"))
		line := head[:end]
		head = head[end+2:]
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}

func headOf(message []byte) []byte { return message[:bytes.Index(message, []byte("\r\n\r\n"))+2] }

func (w *httpWire) answer(request []byte) []byte {
	copy(w.reply[w.markAt:w.markAt+idBytes], field(headOf(request), requestID))
	return w.reply
}

func (w *httpWire) check(reply, request []byte) error {
	asked, got := field(headOf(request), requestID), field(headOf(reply), replyID)
	if !bytes.Equal(asked, got) {
		return fmt.Errorf("a reply for request %s came on a connection that asked %s", got, asked)
	}
	if !bytes.HasSuffix(reply, w.body) {
		return fmt.Errorf("the body of a reply differs from what the server sends: %.300q", reply)
	}
	return nil
}
