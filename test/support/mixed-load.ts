import { EventEmitter, once } from 'node:events'
import { type Collection, type MongoClient, MongoNetworkError, MongoServerError, ReadPreference } from 'mongodb'

const WORKERS = 4
/** Read by everybody, changed by nobody. */
const BOOKS = 25
const CURSOR_NOT_FOUND = 43

interface Order {
  readonly _id: string
  readonly worker: number
}
interface Account {
  readonly _id: number
  n: number
}

/**
 * Workers that write and read in turns, each with keys and counters of its own: what is done twice, not at all, or answered with
 * another's reply is seen. While `isCutting`, connections die: then the driver gives errors to the application, within its rules,
 * and a worker asks what became of its write.
 */
export class MixedLoad {
  /** Connections die now. */
  isCutting = false
  /** Errors that the driver gave back while connections died. */
  cut = 0
  readonly #client: MongoClient
  readonly #done = Array.from({ length: WORKERS }, () => 0)
  readonly #acknowledged: string[] = []
  readonly #progress = new EventEmitter()
  readonly #east: Collection<Account>
  #workers: Promise<unknown> = Promise.resolve()
  #isOver = false

  constructor(client: MongoClient) {
    this.#client = client
    this.#east = client.db('shop').collection<Account>('books', {
      readPreference: new ReadPreference('secondary', [{ dc: 'east' }, {}]),
    })
  }

  async start(): Promise<void> {
    const { books, accounts } = this.#collections
    await books.insertMany(Array.from({ length: BOOKS }, (_, _id) => ({ _id, n: _id })))
    await accounts.insertMany(Array.from({ length: 2 * WORKERS }, (_, _id) => ({ _id, n: 0 })))
    this.#workers = Promise.all(this.#done.map((_, worker) => this.#work(worker)))
    this.#workers.catch((error: unknown) => this.#progress.emit('error', error))
  }

  /** Each worker finished what it was at, and one round more: the driver tries again once only, so one fault at a time. */
  async settled(): Promise<void> {
    const before = [...this.#done]
    while (this.#done.some((done, worker) => done < (before[worker] ?? 0) + 2)) await once(this.#progress, 'done')
  }

  /** @returns rounds done, after the last look at all that was written */
  async end(): Promise<{ rounds: number; wrong: readonly string[] }> {
    this.#isOver = true
    await this.#workers
    const { orders, accounts } = this.#collections
    const wrong: string[] = []
    const ids = (await orders.find().toArray()).map(({ _id }) => _id)
    if (new Set(ids).size !== ids.length) wrong.push('an order is there twice')
    for (const id of this.#acknowledged) if (!ids.includes(id)) wrong.push(`order ${id} is lost`)
    if (ids.length !== this.#acknowledged.length)
      wrong.push(`${ids.length} orders, ${this.#acknowledged.length} acknowledged`)
    for (const { _id, n } of await accounts.find().toArray()) {
      const want = this.#done[_id % WORKERS]
      if (n !== want) wrong.push(`account ${_id} has ${n}, not ${want}`)
    }
    return { rounds: this.#done.reduce((sum, done) => sum + done, 0), wrong }
  }

  get #collections() {
    const db = this.#client.db('shop')
    return {
      orders: db.collection<Order>('orders'),
      accounts: db.collection<Account>('accounts'),
      books: db.collection<Account>('books'),
    }
  }

  async #work(worker: number): Promise<void> {
    const { orders, accounts, books } = this.#collections
    for (let round = 1; !this.#isOver; round++) {
      const _id = `${worker}-${round}`
      await this.#surely(
        () => orders.insertOne({ _id, worker }),
        () => orders.findOne({ _id }),
      )
      this.#acknowledged.push(_id)
      await this.#surely(
        () => accounts.updateOne({ _id: worker }, { $inc: { n: 1 } }),
        () => accounts.findOne({ _id: worker, n: round }),
      )
      await this.#surely(
        async () => {
          const after = await accounts.findOneAndUpdate(
            { _id: worker + WORKERS },
            { $inc: { n: 1 } },
            { returnDocument: 'after' },
          )
          check(after?.n === round, `account ${worker + WORKERS} became ${after?.n} in round ${round}`)
        },
        () => accounts.findOne({ _id: worker + WORKERS, n: round }),
      )
      await this.#again(async () => {
        const all = await books.find().sort({ _id: 1 }).batchSize(7).toArray()
        check(
          all.map((book) => book._id).join() === Array.from({ length: BOOKS }, (_, i) => i).join(),
          'a cursor lost books',
        )
      })
      await this.#again(async () => check((await orders.findOne({ _id }))?._id === _id, 'the reply of another'))
      await this.#again(async () => {
        const [row] = await orders.aggregate([{ $match: { worker } }, { $count: 'n' }]).toArray()
        check(row?.n === round, `worker ${worker} counts ${row?.n} orders in round ${round}`)
      })
      await this.#again(async () => check((await this.#east.findOne({ _id: worker }))?.n === worker, 'the wrong book'))
      this.#done[worker] = round
      this.#progress.emit('done')
    }
  }

  /** A write whose connection died was done or not; the driver tries again once, and then the application asks. */
  async #surely(write: () => Promise<unknown>, find: () => Promise<unknown>): Promise<void> {
    try {
      await write()
    } catch (error) {
      this.#accept(error)
      let found: unknown
      await this.#again(async () => {
        found = await find()
      })
      if (found === null) await this.#surely(write, find)
    }
  }

  async #again(read: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await read()
        return
      } catch (error) {
        this.#accept(error)
      }
    }
  }

  /** @throws what is no consequence of a connection that died */
  #accept(error: unknown): void {
    const isLostCursor = error instanceof MongoServerError && error.code === CURSOR_NOT_FOUND
    if (!this.isCutting || !(error instanceof MongoNetworkError || isLostCursor)) throw error
    this.cut++
  }
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}
