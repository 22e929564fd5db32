// What a hello says at each of the proxy's addresses, asked by hand in the forms that drivers have.
import t from 'tap'
import { skipWithout } from './support/matrix.mjs'
import { connectRaw } from './support/raw-client.mjs'
import { MEMBER, startSet } from './support/replica-set.mjs'

const OP_REPLY = 1
const MORE_TO_COME = 2
const skip = skipWithout('python')
let set

t.before(async () => {
  if (skip === false) set = await startSet()
})
t.after(() => set?.stop())

const namesOf = ({ hosts, primary, me }) => ({ hosts, primary, me })
const namesBy = (address) => ({ hosts: [address], primary: address, me: address })

/** Without what differs from one reply to the next. */
const constant = ({ localTime, lastWrite, connectionId, operationTime, $clusterTime, ...rest }) => rest

for (const name of ['hello', 'isMaster', 'ismaster']) {
  t.test(`${name} over OP_QUERY names the proxy at the seed and at the member`, { skip }, async (t) => {
    for (const address of [set.seed, set.memberAddress]) {
      const client = await connectRaw(address)
      t.teardown(() => client.close())
      client.query({ [name]: 1, helloOk: true })
      const { opcode, document } = await client.reply()
      t.equal(opcode, OP_REPLY)
      t.same(namesOf(document), namesBy(set.memberAddress))
      const direct = await connectRaw(`127.0.0.1:${set.serverPort}`)
      t.teardown(() => direct.close())
      direct.query({ [name]: 1, helloOk: true })
      const original = (await direct.reply()).document
      t.same(namesOf(original), namesBy(MEMBER), 'the server itself names its own')
      const expected = { ...constant(original), ...namesBy(set.memberAddress) }
      t.same(constant(document), expected, 'nothing else is changed')
      t.same(Object.keys(document), Object.keys(original), 'nor is the order')
    }
  })
}

t.test('every reply of a streamed hello is rewritten', { skip }, async (t) => {
  const client = await connectRaw(set.memberAddress)
  t.teardown(() => client.close())
  client.query({ hello: 1, helloOk: true })
  const { topologyVersion } = (await client.reply()).document
  client.streamed({ hello: 1, topologyVersion, maxAwaitTimeMS: 200 })
  for (let i = 0; i < 3; i++) {
    const { flags, document } = await client.reply()
    t.equal(flags & MORE_TO_COME, MORE_TO_COME, 'unasked')
    t.same(namesOf(document), namesBy(set.memberAddress))
  }
})

t.test('the listener of mode primary passes hellos as they are', { skip }, async (t) => {
  const client = await connectRaw(set.writer)
  t.teardown(() => client.close())
  client.query({ hello: 1, helloOk: true })
  t.same(namesOf((await client.reply()).document), namesBy(MEMBER))
})

t.end()
