// A process of its own with one embedded replica set, steered over IPC: node set-process.mjs DIST (streams | polls)
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist, kind] = process.argv.slice(2)
const { startDemoSet } = await import(pathToFileURL(resolve(dist, 'demo/mongod/set/set.js')).href)
const set = await startDemoSet({ failCommand: false })

// As before MongoDB 4.4: without a topologyVersion nobody can wait for the next hello.
const withoutVersion = ({ topologyVersion: _, ...reply }) => reply
if (kind === 'polls') for (const { name } of set.members) set.setHello(name, withoutVersion)

/** Of all processes of this machine: CLOCK_MONOTONIC. */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6

/** Elects the next member in turn. @returns who was replaced by whom, and when hello had the news */
function elect() {
  const names = set.members.map(({ name }) => name)
  const from = lastPrimary
  const to = names[(names.indexOf(from) + 1) % names.length]
  set.elect(to)
  lastPrimary = to
  return { from, to, atMs: nowMs() }
}

let lastPrimary = set.primary.name
const orders = {
  elect,
  async stepDown() {
    await set.stepDown()
    return { atMs: nowMs() }
  },
}

process.on('message', async ({ order }) => process.send({ done: await orders[order]() }))
process.on('disconnect', () => process.exit(0))
process.send({ uri: set.uri })
