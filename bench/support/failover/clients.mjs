// Who writes through a proxy while the primary changes: plain connections, and the official driver.
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ObjectId } from 'bson'
import { MongoClient } from 'mongodb'
import { encode, onReplies } from './message.mjs'
import { nowMs } from './sockets.mjs'

/** Between the writes of one connection: it is times that are measured, not speed. */
const THINK_MS = 2
const RECONNECT_MS = 5

/**
 * Connections in a closed loop of writes. Each stays where it leads, whatever it is answered, until the proxy ends it, and then
 * comes back: what moves them is the proxy alone.
 * @returns {{acks: {member: string, atMs: number}[], refused: number[], cut: number[], stop: () => void}}
 *   cut: connections that ended with a write open
 */
export function startPlain(port, connections) {
  const seen = { acks: [], refused: [], cut: [] }
  const sockets = new Set()
  let isStopped = false
  const open = () => {
    if (isStopped) return
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    sockets.add(socket)
    let member = ''
    let isWriting = false
    const write = () => {
      if (socket.destroyed || socket.readableEnded) return
      isWriting = true
      socket.write(encode({ insert: 'plain', documents: [{ _id: new ObjectId() }], $db: 'bench' }))
    }
    socket.on('connect', () => socket.write(encode({ hello: 1, $db: 'admin' })))
    onReplies(socket, (reply) => {
      if (member === '') member = reply.me
      else if (reply.ok === 1) seen.acks.push({ member, atMs: nowMs() })
      else seen.refused.push(nowMs())
      isWriting = false
      setTimeout(write, THINK_MS)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      if (isWriting && !isStopped) seen.cut.push(nowMs())
      setTimeout(open, RECONNECT_MS)
    })
  }
  for (let i = 0; i < connections; i++) open()
  return {
    ...seen,
    stop() {
      isStopped = true
      for (const socket of sockets) socket.destroy()
    },
  }
}

/**
 * The driver as people use it: retryable writes, a pool, its own monitoring.
 * @returns acks: attempts that were acknowledged; retried: attempts that failed; failed: operations that the application saw fail
 */
export function startDriver(port, loops) {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    maxPoolSize: loops,
    minPoolSize: loops,
    monitorCommands: true,
  })
  const seen = { acks: [], retried: [], failed: [], waits: [], ids: [] }
  const begun = new Map()
  client.on('commandStarted', ({ requestId, commandName }) => {
    if (commandName === 'insert') begun.set(requestId, nowMs())
  })
  const ended = (list) => (event) => {
    const beganAtMs = begun.get(event.requestId)
    begun.delete(event.requestId)
    if (beganAtMs !== undefined) list.push({ beganAtMs, atMs: nowMs() })
  }
  client.on('commandSucceeded', ended(seen.acks))
  client.on('commandFailed', ended(seen.retried))
  let isStopped = false
  const writes = client.db('bench').collection('driver')
  const loop = async () => {
    while (!isStopped) {
      const beganAtMs = nowMs()
      const _id = new ObjectId()
      try {
        await writes.insertOne({ _id })
        seen.ids.push(_id)
      } catch (error) {
        if (!isStopped) seen.failed.push({ atMs: nowMs(), reason: `${error.name} ${error.code ?? ''}`.trim() })
      }
      seen.waits.push({ beganAtMs, atMs: nowMs() })
      await sleep(THINK_MS)
    }
  }
  const done = Promise.all(Array.from({ length: loops }, loop))
  return {
    ...seen,
    async stop() {
      isStopped = true
      await Promise.race([done, sleep(2_000)])
      await client.close()
      await done
    },
  }
}

/** @returns how many of these acknowledged writes the set does not have */
export async function countLost(uri, ids) {
  const client = new MongoClient(uri)
  try {
    const found = await client
      .db('bench')
      .collection('driver')
      .countDocuments({ _id: { $in: ids } })
    return ids.length - found
  } finally {
    await client.close()
  }
}
