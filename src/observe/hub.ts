import type { Clock } from '../core/clock.js'
import type { Direction, RewriteResult } from '../core/codec.js'
import type { ConnectionInfo } from '../core/connection.js'
import type { DecodeError } from '../core/errors.js'
import type { Exchange } from '../core/exchange.js'
import type { Logger } from '../core/logger.js'
import type { CloseReason, Hub, Observer } from '../core/observer.js'
import type { Counters } from './counters.js'

const LOG_EVERY_MS = 60_000

type Hook = Exclude<keyof Observer, 'name'>
type With<H extends Hook> = Observer & Required<Pick<Observer, H>>

/** Sorted by hook once, so that a hook nobody has costs one length check. */
const having = <H extends Hook>(observers: readonly Observer[], hook: H) =>
  observers.filter((o): o is With<H> => o[hook] !== undefined)

/** Hands each event to every observer that wants it. One that throws is counted, logged at most once a minute, and skipped. */
export class ObserverHub implements Hub {
  readonly name = 'hub'
  readonly #errors: Counters
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #loggedAtMs = new Map<string, number>()
  readonly #opened: readonly With<'connectionOpened'>[]
  readonly #closed: readonly With<'connectionClosed'>[]
  readonly #started: readonly With<'exchangeStarted'>[]
  readonly #ended: readonly With<'exchangeEnded'>[]
  readonly #seen: readonly With<'messageSeen'>[]
  readonly #undecodable: readonly With<'messageUndecodable'>[]
  readonly #rewritten: readonly With<'replyRewritten'>[]
  readonly #lost: readonly With<'decodingLost'>[]

  /** @param errors family with the one label `observer` */
  constructor(observers: readonly Observer[], errors: Counters, clock: Clock, logger: Logger) {
    this.#errors = errors
    this.#clock = clock
    this.#logger = logger
    this.#opened = having(observers, 'connectionOpened')
    this.#closed = having(observers, 'connectionClosed')
    this.#started = having(observers, 'exchangeStarted')
    this.#ended = having(observers, 'exchangeEnded')
    this.#seen = having(observers, 'messageSeen')
    this.#undecodable = having(observers, 'messageUndecodable')
    this.#rewritten = having(observers, 'replyRewritten')
    this.#lost = having(observers, 'decodingLost')
  }

  connectionOpened(connection: ConnectionInfo): void {
    for (let i = 0; i < this.#opened.length; i++) {
      const observer = this.#opened[i] as With<'connectionOpened'>
      try {
        observer.connectionOpened(connection)
      } catch (error) {
        this.#failed(observer, error)
      }
    }
  }

  connectionClosed(connection: ConnectionInfo, reason: CloseReason): void {
    for (let i = 0; i < this.#closed.length; i++) {
      const observer = this.#closed[i] as With<'connectionClosed'>
      try {
        observer.connectionClosed(connection, reason)
      } catch (error) {
        this.#failed(observer, error)
      }
    }
  }

  exchangeStarted(exchange: Exchange): void {
    for (let i = 0; i < this.#started.length; i++) {
      const observer = this.#started[i] as With<'exchangeStarted'>
      try {
        observer.exchangeStarted(exchange)
      } catch (error) {
        this.#failed(observer, error)
      }
    }
  }

  exchangeEnded(exchange: Exchange): void {
    for (let i = 0; i < this.#ended.length; i++) {
      const observer = this.#ended[i] as With<'exchangeEnded'>
      try {
        observer.exchangeEnded(exchange)
      } catch (error) {
        this.#failed(observer, error)
      }
    }
  }

  messageSeen(connection: ConnectionInfo, direction: Direction, opcode: string): void {
    for (let i = 0; i < this.#seen.length; i++) {
      const observer = this.#seen[i] as With<'messageSeen'>
      try {
        observer.messageSeen(connection, direction, opcode)
      } catch (error) {
        this.#failed(observer, error)
      }
    }
  }

  messageUndecodable(connection: ConnectionInfo, direction: Direction, reason: string): void {
    for (let i = 0; i < this.#undecodable.length; i++) {
      const observer = this.#undecodable[i] as With<'messageUndecodable'>
      try {
        observer.messageUndecodable(connection, direction, reason)
      } catch (error) {
        this.#failed(observer, error)
      }
    }
  }

  replyRewritten(connection: ConnectionInfo, form: string, result: RewriteResult): void {
    for (let i = 0; i < this.#rewritten.length; i++) {
      const observer = this.#rewritten[i] as With<'replyRewritten'>
      try {
        observer.replyRewritten(connection, form, result)
      } catch (error) {
        this.#failed(observer, error)
      }
    }
  }

  decodingLost(connection: ConnectionInfo, direction: Direction, error: DecodeError): void {
    for (let i = 0; i < this.#lost.length; i++) {
      const observer = this.#lost[i] as With<'decodingLost'>
      try {
        observer.decodingLost(connection, direction, error)
      } catch (thrown) {
        this.#failed(observer, thrown)
      }
    }
  }

  #failed(observer: Observer, error: unknown): void {
    this.#errors.with(observer.name).value++
    const nowMs = this.#clock.now()
    const lastMs = this.#loggedAtMs.get(observer.name)
    if (lastMs !== undefined && nowMs - lastMs < LOG_EVERY_MS) return
    this.#loggedAtMs.set(observer.name, nowMs)
    this.#logger.error({ observer: observer.name, err: error }, 'An observer failed; traffic is not affected')
  }
}
