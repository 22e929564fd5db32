import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Rewrite } from '../../src/core/codec.js'
import {
  type TopologyListener,
  type TopologySnapshot,
  TopologyStats,
  type TopologyView,
} from '../../src/core/topology.js'
import { listenerSchema } from '../../src/proxy/config.js'
import { MemberListeners, type MemberListenersDeps } from '../../src/proxy/members/member-listeners.js'
import { PortBook, type PortBookOptions } from '../../src/proxy/members/port-book.js'
import type { ProxyListener } from '../../src/proxy/proxy-listener.js'
import { createTcpListener } from '../../src/proxy/tcp-proxy.js'
import { createClusterManager } from '../../src/upstream/cluster-manager.js'
import { clusterSchema } from '../../src/upstream/config.js'
import { FakeClock } from '../support/fake-clock.js'
import { dial, heardEnd, holdPort, readBytes, startEcho } from '../support/stub-tcp.js'
import { RecordingHub, RecordingLogger } from './harness.js'

/** A topology whose members a test says. */
class Script implements TopologyView {
  readonly stats = new TopologyStats()
  readonly #listeners = new Set<TopologyListener>()
  snapshot: TopologySnapshot = { version: 0, kind: 'unknown', setName: '', primary: '', members: [] }

  /** None of them answers. */
  fail(...names: string[]): void {
    this.#say('replica_set', names, { isUp: false, reason: 'connecting took too long' })
  }

  say(kind: TopologySnapshot['kind'], ...names: string[]): void {
    this.#say(kind, names, { isUp: true, reason: '' })
  }

  #say(kind: TopologySnapshot['kind'], names: readonly string[], state: { isUp: boolean; reason: string }): void {
    const members = names.map((name) => ({
      ...{ name: name.replace('seed ', ''), isSeed: name.startsWith('seed '), role: 'secondary' as const, ...state },
      ...{ isHidden: false, isArbiter: false, tags: new Map(), rttMs: 1, lagMs: 0, lastReportAtMs: 0 },
    }))
    this.snapshot = { ...this.snapshot, version: this.snapshot.version + 1, kind, members }
    for (const listener of [...this.#listeners]) listener(this.snapshot, [])
  }

  onChanged(listener: TopologyListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get watchers(): number {
    return this.#listeners.size
  }

  until(): Promise<never> {
    throw new Error('Nobody is expected to wait here')
  }
  requestCheck(): void {}
  distrust(): void {}
}

interface Stage {
  readonly members: MemberListeners
  readonly script: Script
  readonly clock: FakeClock
  readonly logger: RecordingLogger
  readonly hub: RecordingHub
  readonly created: { readonly member: string; readonly name: string; readonly rewrite: Rewrite }[]
  readonly saved: string[]
  readonly listeners: ProxyListener[]
}

async function onStage(
  t: Test,
  ports: Partial<PortBookOptions> = {},
  more: Partial<MemberListenersDeps> = {},
): Promise<Stage> {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const [script, clock, logger, hub] = [new Script(), new FakeClock(), new RecordingLogger(), new RecordingHub()]
  const cluster = createClusterManager([clusterSchema.parse({ name: 'db', hosts: [echo.address] })], {
    ...{ clock, logger, random: () => 0 },
  }).get('db')
  const created: Stage['created'] = []
  const saved: string[] = []
  const listeners: ProxyListener[] = []
  const members = new MemberListeners({
    name: 'front',
    host: '127.0.0.1',
    advertise: 'Proxy.Internal',
    advertiseOf: new Map(),
    book: new PortBook({ fixed: new Map(), range: { first: 0, last: 0 }, remembered: new Map(), ...ports }),
    save: (given) => saved.push([...given.keys()].join()),
    drainTimeoutMs: 30_000,
    coversStatus: false,
    create: ({ name, member, address, rewrite }) => {
      created.push({ member, name, rewrite })
      const config = {
        ...listenerSchema.parse({ name: 'x', address: ':0', protocol: 'tcp', cluster: 'db' }),
        name,
        address,
      }
      const deps = { codec: undefined, findCluster: () => cluster, nextConnectionId: () => 1, hub, clock, logger }
      const listener = createTcpListener(config, deps)
      listeners.push(listener)
      return listener
    },
    clock,
    logger,
    ...more,
  })
  members.follow(script)
  t.teardown(async () => {
    const drained = members.drain(0)
    for (let i = 0; i < 20; i++) await turn()
    clock.advance(0)
    await drained
  })
  return { members, script, clock, logger, hub, created, saved, listeners }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await turn()
}

const names = ({ members }: Stage) => members.addresses.map(({ member }) => member)
const portOf = (address: string | undefined) => Number(address?.split(':').at(-1))
const isListening = (port: number) =>
  dial({ port }).then(
    (socket) => {
      socket.destroy()
      return true
    },
    () => false,
  )
/** A client whose connection stands. */
async function speaking(port: number): Promise<Socket> {
  const client = await dial({ port })
  client.write('x')
  await readBytes(client, 1)
  return client
}
async function occupied(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

t.test('each member of the set has a listener; it is listened for before anybody is told', async (t) => {
  const stage = await onStage(t)
  const { members, script, created } = stage
  const ready = members.whenReady()
  t.ok(ready, 'first connections wait')
  script.say('unknown', 'seed s:1')
  script.say('replica_set', 'seed s:1')
  for (let i = 0; i < 20; i++) await turn()
  t.strictSame(created, [], 'a seed may be another name of a member')
  t.ok(members.whenReady(), 'still nothing to tell')
  script.say('replica_set', 'a.rs:1', 'b.rs:1')
  t.equal(members.advertise('a.rs:1'), undefined, 'not before it listens')
  await ready
  t.strictSame(names(stage), ['a.rs:1', 'b.rs:1'])
  t.equal(members.whenReady(), undefined, 'nobody waits from then on')
  t.strictSame(
    created.map(({ name, member, rewrite }) => [name, member, rewrite.member]),
    [
      ['front/a.rs:1', 'a.rs:1', 'a.rs:1'],
      ['front/b.rs:1', 'b.rs:1', 'b.rs:1'],
    ],
  )
  const told = members.advertise('a.rs:1')
  t.match(told, /^proxy\.internal:\d+$/, 'in lower case, as drivers compare')
  t.equal(created[1]?.rewrite.advertise('a.rs:1'), told, 'all listeners tell the same')
  t.ok(await isListening(portOf(told)))
  script.say('replica_set', 'a.rs:1', 'b.rs:1', 'c.rs:1')
  t.equal(members.advertise('c.rs:1'), undefined)
  await until(() => members.advertise('c.rs:1') !== undefined)
  t.equal(members.advertise('a.rs:1'), told, 'the others keep theirs')
  t.equal(created.length, 3)
})

t.test('a standalone and routers need no listeners, and nobody waits for any', async (t) => {
  for (const kind of ['standalone', 'routers'] as const) {
    const { members, script, created } = await onStage(t)
    const ready = members.whenReady()
    script.say(kind, 'a.rs:1')
    await ready
    t.strictSame(created, [], kind)
  }
})

t.test(
  'a member that left is not told of any more at once; its listener ends when clients had time to learn it',
  async (t) => {
    const stage = await onStage(t)
    const { members, script, clock, logger } = stage
    script.say('replica_set', 'a.rs:1', 'b.rs:1')
    await until(() => names(stage).length === 2)
    const port = portOf(members.advertise('b.rs:1'))
    const client = await speaking(port)
    script.say('replica_set', 'a.rs:1')
    t.equal(members.advertise('b.rs:1'), undefined)
    t.strictSame(names(stage), ['a.rs:1'])
    clock.advance(9_999)
    t.ok(await isListening(port), 'within the grace')
    clock.advance(1)
    t.notOk(await isListening(port), 'and not after it')
    clock.advance(30_000)
    await heardEnd(client)
    client.destroy()
    await until(() => members.all.length === 1)
    t.ok(logger.lines.some(({ message }) => message.includes('left the set')))
    script.say('replica_set', 'a.rs:1', 'b.rs:1')
    await until(() => names(stage).length === 2)
    t.ok(await isListening(portOf(members.advertise('b.rs:1'))), 'who returns later is listened for anew')
  },
)

t.test('a member that returns within the grace keeps its listener, and its clients', async (t) => {
  const stage = await onStage(t)
  const { members, script, clock, created } = stage
  script.say('replica_set', 'a.rs:1', 'b.rs:1')
  await until(() => names(stage).length === 2)
  const told = members.advertise('b.rs:1')
  script.say('replica_set', 'a.rs:1')
  clock.advance(5_000)
  script.say('replica_set', 'a.rs:1', 'b.rs:1')
  t.equal(members.advertise('b.rs:1'), told)
  clock.advance(60_000)
  t.ok(await isListening(portOf(told)))
  t.equal(created.length, 2)
})

t.test('a port that is taken costs one member: an alarm, others work, and it is tried again', async (t) => {
  const taken = await occupied(0)
  t.teardown(() => taken.close())
  const port = (taken.address() as AddressInfo).port
  const stage = await onStage(t, { fixed: new Map([['b.rs:1', port]]) })
  const { members, script, clock, logger } = stage
  script.say('replica_set', 'a.rs:1', 'b.rs:1', 'c.rs:1')
  await members.whenReady()
  t.strictSame(names(stage).sort(), ['a.rs:1', 'c.rs:1'])
  t.match(members.without.get('b.rs:1'), /EADDRINUSE/)
  const alarms = () => logger.lines.filter(({ level }) => level === 'error')
  t.match(alarms(), [{ fields: { code: 'OPL_MEMBER_LISTENER', member: 'b.rs:1', listener: 'front' } }])
  await until(() => clock.waiting > 0)
  clock.advance(5_000)
  await until(() => stage.created.length === 4 && clock.waiting > 0)
  t.equal(alarms().length, 1, 'the same alarm is not told again')
  taken.close()
  await once(taken, 'close')
  clock.advance(5_000)
  await until(() => members.advertise('b.rs:1') !== undefined)
  t.equal(portOf(members.advertise('b.rs:1')), port)
  t.equal(members.without.size, 0)
})

t.test('a member for which no port is left is alarmed, and has one when another is gone', async (t) => {
  const held = await holdPort()
  await held.release()
  const stage = await onStage(t, { range: { first: held.port, last: held.port } })
  const { members, script, clock } = stage
  script.say('replica_set', 'a.rs:1')
  await members.whenReady()
  script.say('replica_set', 'a.rs:1', 'b.rs:1', 'c.rs:1')
  await until(() => members.without.size === 2)
  t.match(members.without.get('b.rs:1'), /no port is left/)
  t.strictSame(names(stage), ['a.rs:1'])
  script.say('replica_set', 'b.rs:1')
  t.strictSame([...members.without.keys()], ['b.rs:1'], 'who left is missed by nobody')
  clock.advance(10_000)
  await until(() => members.advertise('b.rs:1') !== undefined)
  t.equal(portOf(members.advertise('b.rs:1')), held.port)
})

t.test('members that come together never get one port, also when the range is too small', async (t) => {
  const held = await holdPort()
  await held.release()
  const range = { first: held.port, last: held.port }
  const stage = await onStage(t, { range, remembered: new Map([['gone.rs:1', held.port]]) })
  const { members, script, saved } = stage
  script.say('replica_set', 'a.rs:1', 'b.rs:1')
  await members.whenReady()
  t.strictSame(names(stage), ['a.rs:1'], 'the first of them has it')
  t.match(members.without.get('b.rs:1'), /no port is left/)
  t.equal(saved.at(-1), 'a.rs:1', 'and it is remembered as its own')
})

t.test('a state file that can not be written is an alarm and nothing more', async (t) => {
  const save = () => {
    throw new Error('ENOSPC')
  }
  const stage = await onStage(t, {}, { save })
  stage.script.say('replica_set', 'a.rs:1')
  await stage.members.whenReady()
  t.strictSame(names(stage), ['a.rs:1'])
  t.match(stage.logger.lines[0], { level: 'error', fields: { code: 'OPL_STATE_FILE' } })
})

t.test('a member is told of under its own name for clients, IPv6 in brackets', async (t) => {
  const stage = await onStage(t, {}, { advertise: 'FE80::1', advertiseOf: new Map([['a.rs:1', 'Other.Host']]) })
  stage.script.say('replica_set', 'a.rs:1', 'b.rs:1')
  await stage.members.whenReady()
  t.match(stage.members.advertise('a.rs:1'), /^other\.host:\d+$/)
  t.match(stage.members.advertise('b.rs:1'), /^\[fe80::1\]:\d+$/)
})

t.test('a drain ends all listeners, those of members that left too, and nothing comes after it', async (t) => {
  const stage = await onStage(t)
  const { members, script, clock, created } = stage
  script.say('replica_set', 'a.rs:1', 'b.rs:1')
  await until(() => names(stage).length === 2)
  const ports = members.addresses.map(({ address }) => portOf(address))
  const client = await speaking(ports[1] ?? 0)
  script.say('replica_set', 'a.rs:1')
  const drained = members.drain(1_000)
  await until(() => clock.waiting > 0)
  clock.advance(1_000)
  await heardEnd(client)
  client.destroy()
  await drained
  for (const port of ports) t.notOk(await isListening(port))
  script.say('replica_set', 'a.rs:1', 'c.rs:1')
  for (let i = 0; i < 20; i++) await turn()
  t.equal(created.length, 2)
  t.equal(script.watchers, 0)
  t.equal(clock.waiting, 0, 'no timer is left')
})

t.test('first connections wait for no member that answers nothing', async (t) => {
  const { members, script, created } = await onStage(t)
  const ready = members.whenReady()
  script.fail('seed s:1', 'seed s:2')
  await ready
  t.strictSame(created, [])
  t.equal(members.whenReady(), undefined)
})

t.test('a drain before anything is known lets go of those who wait', async (t) => {
  const { members } = await onStage(t)
  const ready = members.whenReady()
  await members.drain(0)
  await ready
  t.equal(members.whenReady(), undefined)
})
