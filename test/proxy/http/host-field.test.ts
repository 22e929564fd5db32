import t from 'tap'
import { onStage } from './stage.js'

const REPLY = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

void t.test(
  'another Host goes out in place of the client’s, and nothing else changes but what is about the connection',
  onStage({ http: { host: 'search.internal:9200' } }, async (t, stage) => {
    const client = await stage.client()
    client.write(
      'POST /a HTTP/1.1\r\nhOsT: 127.0.0.1:8081\r\nX-A: 1\r\nConnection: x-b\r\nX-B: 2\r\nContent-Length: 2\r\n\r\nhi',
    )
    const upstream = await stage.upstream.peer(0)
    t.equal(
      await upstream.takeMessage(),
      'POST /a HTTP/1.1\r\nX-A: 1\r\nContent-Length: 2\r\nHost: search.internal:9200\r\n\r\nhi',
    )
    upstream.write(REPLY)
    t.equal(await client.takeMessage(), REPLY)
    client.write('GET / HTTP/1.0\r\n\r\n')
    t.equal(
      await upstream.takeHead(),
      'GET / HTTP/1.0\r\nHost: search.internal:9200\r\nConnection: keep-alive\r\n\r\n',
      'also where the client says none',
    )
    upstream.write(REPLY)
    await client.takeMessage()
    t.equal(await client.takeRest(), '')
  }),
)
