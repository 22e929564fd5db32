// What the decoder of one connection holds while a message passes through it, with no socket to blur it: heap and buffers that a
// full collection leaves, at a dozen places of the message, above what was there before its first byte.
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const CHUNK_BYTES = 65_536
const PLACES = 12

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

/**
 * @param {string} main dist/cli/main.js of the tree whose codec is asked
 * @param {readonly ['request' | 'reply', Buffer][]} messages in order; the last is the one that is watched
 * @returns {Promise<{heldBytes: number, said: string[]}>} `said`: outcomes and reasons, in order
 */
export async function sessionHeld(main, messages) {
  const load = (path) => import(pathToFileURL(`${dirname(dirname(main))}/${path}`).href)
  const { mongodb } = await load('codecs/mongodb/index.js')
  const { ConnectionInfo } = await load('core/connection.js')
  const said = []
  const ignore = () => undefined
  const events = {
    exchangeStarted: ignore,
    exchangeEnded: ({ outcome }) => said.push(outcome.kind),
    messageSeen: ignore,
    messageUndecodable: (_direction, reason) => said.push(reason),
  }
  const connection = new ConnectionInfo(1, 'bench', 'bench', '127.0.0.1:1', 0)
  const session = mongodb.createCodec(mongodb.config.parse({})).open({ connection, events })
  // One buffer read over and over, as the data path may: nothing that is held can hide in the message itself.
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  const push = (direction, message, watch) => {
    for (let at = 0; at < message.length; at += CHUNK_BYTES) {
      const bytes = message.copy(chunk, 0, at, Math.min(at + CHUNK_BYTES, message.length))
      try {
        session.push(direction, chunk.subarray(0, bytes), 1)
      } catch (error) {
        // Framing is lost: the data path ends the session and forwards the rest undecoded.
        said.push(error.reason)
        session.end('undecodable', 1)
        return
      } finally {
        watch?.()
      }
    }
  }
  const held = () => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  for (const [direction, message] of messages.slice(0, -1)) push(direction, message)
  const [direction, watched] = messages.at(-1)
  const every = Math.ceil(watched.length / CHUNK_BYTES / PLACES)
  held()
  const atRest = held()
  let highest = 0
  let seen = 0
  push(direction, watched, () => {
    if (seen++ % every === 0) highest = Math.max(highest, held() - atRest)
  })
  return { heldBytes: highest, said }
}
