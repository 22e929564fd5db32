import type { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { counted, DriverTruth, miscounts } from '../support/driver-truth.js'
import { MixedLoad } from '../support/mixed-load.js'
import { total } from '../support/proxy.js'
import { DriverView, type SetStage, type StageOptions, startStage } from '../support/set-stage.js'

const [A, B, C, D, E] = [
  'a.rs.invalid:27017',
  'b.rs.invalid:27017',
  'c.rs.invalid:27017',
  'd.rs.invalid:27017',
  'e.rs.invalid:27017',
] as const
const THREE = [
  { name: A, tags: { dc: 'west' } },
  { name: B, tags: { dc: 'east' } },
  { name: C, tags: { dc: 'east' } },
]

interface Play {
  readonly stage: SetStage
  readonly load: MixedLoad
  readonly view: DriverView
  readonly truth: DriverTruth
  readonly client: MongoClient
  /** Where clients reach a member now; '' when they don't. */
  readonly addressOf: (member: string) => string
}

/** Runs the load through oplens while `faults` happen, then looks at all that was written. */
async function underLoad(
  t: Test,
  options: Partial<StageOptions>,
  faults: (play: Play) => Promise<void>,
): Promise<Play> {
  const stage = await startStage({ latency: () => 1, members: THREE, ...options })
  t.teardown(() => stage.close())
  const client = stage.client({ monitorCommands: true })
  const [truth, view, load] = [new DriverTruth(), new DriverView(client), new MixedLoad(client)]
  truth.watch(client)
  const addressOf = (member: string) => {
    const line = stage.proxy.logs.findLast(
      ({ message, fields }) => message.includes('reached') && fields.member === member,
    )
    return String(line?.fields.address ?? '')
  }
  const play = { stage, load, view, truth, client, addressOf }
  await load.start()
  await load.settled()
  await faults(play)
  load.isCutting = false
  await load.settled()
  const { rounds, wrong } = await load.end()
  t.strictSame(wrong, [], `${rounds} rounds, every write done once`)
  await client.close()
  return play
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Not by time: each look lets everything else run. */
async function until(claim: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await claim())) await turn()
}

t.test(
  'through elections, a split and a stale primary no operation is lost, doubled, refused or miscounted',
  async (t) => {
    const { stage, load, truth } = await underLoad(t, {}, async ({ stage: { set }, load, view, client, addressOf }) => {
      for (const name of [B, C]) {
        set.elect(name)
        await load.settled()
      }
      await set.stepDown()
      set.elect(A)
      await load.settled()
      set.split([[A]])
      set.elect(B)
      await view.until(() => view.primary === addressOf(B))
      t.equal(set.member(A).role, 'primary', 'the old one still says that it is primary')
      const before = set.member(B).commandsSeen().insert ?? 0
      await client.db('shop').collection('notes').insertOne({ text: 'written beside a stale primary' })
      t.ok((set.member(B).commandsSeen().insert ?? 0) > before, 'and the driver knows better')
      set.heal()
      await load.settled()
    })
    t.equal(load.cut, 0, 'where no connection is cut, no error reaches the application')
    t.strictSame(counted(await stage.proxy.metrics()), truth.sorted, "the driver's own count")
  },
)

t.test(
  'members that come, go and are renamed: clients follow, and no operation is lost, doubled or refused',
  async (t) => {
    const extra = { later: [{ name: D, tags: { dc: 'east' } }], renamed: { [E]: C } }
    const { stage, load, truth } = await underLoad(t, extra, async ({ stage, load, view, addressOf }) => {
      const seconds = () => [...view.types].filter(([, type]) => type === 'RSSecondary').map(([address]) => address)
      const { set } = stage
      await set.reconfig({ add: await stage.joining() })
      await view.until(() => seconds().length === 3)
      t.ok(seconds().includes(addressOf(D)), 'the new member has an address of its own')
      await until(() => (set.member(D).commandsSeen().find ?? 0) > 0)
      await load.settled()
      const leaving = addressOf(B)
      await set.reconfig({ remove: [B] })
      await view.until((types) => !types.has(leaving))
      await load.settled()
      const old = addressOf(C)
      await set.reconfig({ rename: { [C]: E } })
      await view.until((types) => !types.has(old) && seconds().length === 2)
      t.strictSame(seconds().sort(), [addressOf(D), addressOf(E)].sort())
      await load.settled()
      set.elect(E)
      await view.until(() => view.primary === addressOf(E))
      await load.settled()
    })
    t.equal(load.cut, 0)
    t.strictSame(miscounts(await stage.proxy.metrics(), truth), [], "the driver's own count")
  },
)

t.test(
  'a rolling restart under load: what was acknowledged is there once, errors are those of dying connections',
  async (t) => {
    const { stage, load, truth } = await underLoad(t, {}, async ({ stage: { set }, load, view, client, addressOf }) => {
      load.isCutting = true
      for (const [name, next] of [
        [B, C],
        [C, A],
        [A, B],
      ] as const) {
        const address = addressOf(name)
        await set.member(name).close()
        if (set.primary === undefined) set.elect(next)
        await view.until((types) => types.get(address) === 'Unknown')
        await view.until(() => view.primary !== undefined)
        // Not until all workers went on: a cursor of the one that is down waits for it to come back, by the driver's rules.
        await client
          .db('shop')
          .collection('notes')
          .insertOne({ text: `without ${name}` })
        await set.member(name).start()
        await view.until((types) => types.get(address) === 'RSSecondary')
        await load.settled()
      }
    })
    t.comment(`${load.cut} errors`)
    t.strictSame(miscounts(await stage.proxy.metrics(), truth), [])
    const samples = await stage.proxy.metrics()
    t.ok(
      total(samples, 'oplens_downstream_connections_closed_total', { reason: 'member_down' }) > 0,
      'refused while down',
    )
  },
)

t.test('a member whose address leads to another is down for clients until it is itself again', async (t) => {
  const { stage, load, truth } = await underLoad(t, {}, async ({ stage: { set, proxy }, load, view, addressOf }) => {
    load.isCutting = true
    const address = addressOf(B)
    set.setIdentity(B, C)
    await view.until((types) => types.get(address) === 'Unknown')
    await load.settled()
    t.notOk(
      [...view.types.keys()].some((name) => name.includes('invalid')),
      'nobody is led to the real names',
    )
    const samples = await proxy.metrics()
    t.ok(total(samples, 'oplens_downstream_connections_closed_total', { reason: 'identity_mismatch' }) > 0)
    t.ok(proxy.logs.some(({ fields }) => fields.code === 'OPL_MEMBER_IDENTITY' && fields.host === B && fields.me === C))
    set.setIdentity(B, B)
    await view.until((types) => types.get(address) === 'RSSecondary')
    await load.settled()
    load.isCutting = false
    set.elect(B)
    await load.settled()
  })
  t.comment(`${load.cut} errors`)
  t.strictSame(miscounts(await stage.proxy.metrics(), truth), [])
})
